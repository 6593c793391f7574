#include "registry/formats/looks_like.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <string_view>

namespace ditmill::registry {
namespace {

struct Sign {
  std::string_view begins;
  std::string_view hint;
};

using namespace std::string_view_literals;

constexpr std::array signs{
    Sign{"version https://git-lfs"sv,
         "it looks like a git-lfs pointer: fetch the weights with `git lfs pull`"sv},
    Sign{"PK\x03\x04"sv,
         "it looks like a zip archive (.pth, .pt, .bin): this version reads safetensors only"sv},
    Sign{"\x80\x02"sv, "it looks like a pickle (.pth, .ckpt): this version reads safetensors only"sv},
    Sign{"GGUF"sv, "it looks like a GGUF file: this version reads safetensors only"sv},
    Sign{"\x89HDF"sv, "it looks like an HDF5 file: this version reads safetensors only"sv},
    Sign{"\x08\x03\x12"sv, "it looks like an ONNX file: this version reads safetensors only"sv},
    Sign{"<!doctype html"sv,
         "it looks like an HTML page: the download was refused or redirected; fetch it again"sv},
    Sign{"<html"sv, "it looks like an HTML page: the download was refused or redirected; fetch it again"sv},
    Sign{"<?xml"sv, "it looks like an XML page: the download was refused or redirected; fetch it again"sv},
    Sign{"{"sv, "it looks like JSON: name the weight file, or the folder that holds it"sv},
};

}  // namespace

std::string looks_like(const ByteSource& source) {
  std::array<char, 32> buffer{};
  const std::size_t length = std::min<std::uint64_t>(buffer.size(), source.size());
  source.read_at(0, std::as_writable_bytes(std::span{buffer}.first(length)));
  std::string begin{buffer.data(), length};
  begin.erase(0, begin.find_first_not_of(" \t\r\n"));
  const auto same = [](char a, char b) {
    return a == b || std::tolower(static_cast<unsigned char>(a)) == static_cast<unsigned char>(b);
  };
  for (const Sign& sign : signs) {
    if (begin.size() < sign.begins.size()) continue;
    if (std::equal(sign.begins.begin(), sign.begins.end(), begin.begin(),
                   [&](char wanted, char found) { return same(found, wanted); })) {
      return std::string{sign.hint};
    }
  }
  return {};
}

}  // namespace ditmill::registry
