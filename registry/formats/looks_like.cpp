#include "registry/formats/looks_like.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

namespace ditmill::registry {
namespace {

struct Sign {
  std::string_view begins;
  std::string_view hint;
  bool download = false;  ///< what a failed one leaves
};

using namespace std::string_view_literals;

// What torch wrote before version 0.2: a tar archive of these.
constexpr std::string_view old_tar =
    "it looks like a tar archive of an old torch: load it with torch and save the weights again";

constexpr std::array signs{
    Sign{"version https://git-lfs"sv,
         "it looks like a git-lfs pointer: fetch what it stands for with `git lfs pull`"sv, true},
    Sign{"PK\x03\x04"sv,
         "it looks like a zip archive: a file of torch.save has the suffix .pth, .pt, .bin or .ckpt"sv},
    Sign{"PK\x05\x06"sv, "it looks like an empty zip archive"sv},
    Sign{"GGUF"sv,
         "it looks like a GGUF file, which this version does not read: take a BF16 or FP16 file of the same "
         "model, as "
         "safetensors"sv},
    Sign{"\0\5\x16\7"sv, "it looks like what macOS keeps beside a file: name the file without `._`"sv},
    Sign{"\x89HDF"sv, "it looks like an HDF5 file: this version reads safetensors and files of torch.save"sv},
    Sign{"\x1f\x8b"sv, "it looks like a gzip file: unpack it first"sv},
    Sign{"\x28\xb5\x2f\xfd"sv, "it looks like a zstd file: unpack it first"sv},
    Sign{"\xfd\x37zXZ"sv, "it looks like an xz file: unpack it first"sv},
    Sign{"7z\xbc\xaf\x27\x1c"sv, "it looks like a 7z archive: unpack it first"sv},
    Sign{"Rar!\x1a"sv, "it looks like a rar archive: unpack it first"sv},
    Sign{"sys_info\0"sv, old_tar},
    Sign{"storages\0"sv, old_tar},
    Sign{"tensors\0"sv, old_tar},
    Sign{"pickle\0"sv, old_tar},
    Sign{"<!doctype html"sv,
         "it looks like an HTML page: the download was refused or redirected; fetch it again"sv, true},
    Sign{"<html"sv, "it looks like an HTML page: the download was refused or redirected; fetch it again"sv,
         true},
    Sign{"<?xml"sv, "it looks like an XML page: the download was refused or redirected; fetch it again"sv,
         true},
    Sign{"{"sv, "it looks like JSON: name the weight file, or the folder that holds it"sv},
};

bool in_range(char byte, char first, char last) { return byte >= first && byte <= last; }

/// Printable ASCII and white space.
bool is_text(std::string_view bytes) {
  return std::ranges::all_of(
      bytes, [](char c) { return in_range(c, ' ', '~') || c == '\n' || c == '\r' || c == '\t'; });
}

/// Kinds that no sign tells.
std::string looks_like_nothing(std::string_view begin) {
  if (begin.empty()) return "the file is empty: fetch it again";
  if (begin.size() >= 8 && begin.find_first_not_of('\0') == std::string_view::npos) {
    return "it begins with zeros: its download did not finish; fetch it again";
  }
  if (begin.size() >= 8 && is_text(begin)) {
    return "it is text, '" + printable(begin) +
           "': what a server answered in place of the file; fetch it again";
  }
  return {};
}

/// Kinds whose sign is more than how the file begins.
std::string_view looks_like_by_parts(std::string_view begin, bool named_safetensors) {
  if (begin.size() > 2 && begin[0] == '\x80' && in_range(begin[1], 2, 5)) {
    return "it looks like a pickle: a file of torch.save has the suffix .pth, .pt, .bin or .ckpt";
  }
  // ir_version and producer_name, the first two fields of the protocol buffer.
  if (begin.size() > 3 && begin[0] == '\x08' && in_range(begin[1], 1, 32) && begin[2] == '\x12') {
    return "it looks like an ONNX file, which this version does not read: take the safetensors of the same "
           "model";
  }
  if (!named_safetensors && begin.size() > 8 && begin.substr(4, 5) == "\0\0\0\0{"sv) {
    return "it looks like a safetensors file: its suffix should be .safetensors";
  }
  return {};
}

std::string beginning(const ByteSource& source) {
  std::string begin(std::min<std::uint64_t>(32, source.size()), '\0');
  source.read_at(0, std::as_writable_bytes(std::span{begin}));
  return begin;
}

/// The sign that a file bears behind a byte order mark and white space; nullptr: none.
const Sign* sign_of(std::string begin) {
  if (begin.starts_with("\xef\xbb\xbf")) begin.erase(0, 3);
  begin.erase(0, begin.find_first_not_of(" \t\r\n"));
  const auto same = [](char a, char b) {
    return a == b || std::tolower(static_cast<unsigned char>(a)) == static_cast<unsigned char>(b);
  };
  for (const Sign& sign : signs) {
    if (begin.size() < sign.begins.size()) continue;
    if (std::equal(sign.begins.begin(), sign.begins.end(), begin.begin(),
                   [&](char wanted, char found) { return same(found, wanted); })) {
      return &sign;
    }
  }
  return nullptr;
}

}  // namespace

std::string looks_like(const ByteSource& source) {
  const std::string begin = beginning(source);
  const std::string_view hint = looks_like_by_parts(begin, source.label().ends_with(".safetensors"));
  if (!hint.empty()) return std::string{hint};
  const Sign* sign = sign_of(begin);
  return sign == nullptr ? looks_like_nothing(begin) : std::string{sign->hint};
}

std::string looks_like_failed_download(const ByteSource& source) {
  const Sign* sign = sign_of(beginning(source));
  return sign == nullptr || !sign->download ? std::string{} : std::string{sign->hint};
}

Error with_json_hint(const Error& error, std::string_view text) {
  std::string hint = looks_like(*memory_source({}, std::as_bytes(std::span{text})));
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && (text[first] == '{' || text[first] == '[')) {
    const bool cut = error.where().offset >= text.size() || text.find_last_of('}') == std::string_view::npos;
    hint = cut ? "the file ends too early: fetch it again" : "";
  }
  if (hint.empty()) return error;
  return error.with({.hint = error.hint().empty() ? std::move(hint) : error.hint() + "; " + hint});
}

}  // namespace ditmill::registry
