#include "models/tokenizers/read_tokenizer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "configs/error.h"
#include "models/tokenizers/sentencepiece.h"
#include "models/tokenizers/unigram/unigram.h"
#include "registry/byte_source.h"
#include "registry/formats/looks_like.h"

namespace ditmill::models {
namespace {

/// Whether it begins like a JSON object. A spiece.model begins with 0x0a, a length and 0x0a.
bool looks_like_json(std::string_view bytes) {
  const auto skip_space = [&] {
    bytes.remove_prefix(std::min(bytes.find_first_not_of(" \t\r\n"), bytes.size()));
  };
  skip_space();
  if (!bytes.starts_with('{')) return false;
  bytes.remove_prefix(1);
  skip_space();
  return bytes.empty() || bytes.front() == '"' || bytes.front() == '}';
}

/// UMT5's tokenizer.json has 17 MB.
constexpr std::uint64_t largest_file = std::uint64_t{1} << 30;

constexpr const char* cut_or_damaged = "the file is cut or damaged: fetch it again";

[[noreturn]] void refuse_file(const std::string& path, std::string got, std::string hint) {
  throw Error{Category::bad_input, "read the tokenizer",
              Where{.file = path}, Expected{"a spiece.model or a tokenizer.json"},
              Got{std::move(got)}, std::move(hint)};
}

}  // namespace

std::unique_ptr<const Tokenizer> make_tokenizer(const std::string& bytes) {
  if (looks_like_json(bytes)) return std::make_unique<const UnigramTokenizer>(bytes);
  return std::make_unique<const SentencePieceTokenizer>(bytes);
}

std::unique_ptr<const Tokenizer> read_tokenizer(const std::string& path) {
  const std::string bytes = registry::read_text(path, largest_file);
  if (bytes.empty()) refuse_file(path, "an empty file", "fetch it again");
  if (bytes.find_first_not_of('\0') == std::string::npos) {
    refuse_file(path, "nothing but zeros", "its download did not finish: fetch it again");
  }
  const auto source = registry::memory_source(path, std::as_bytes(std::span{bytes}));
  std::string instead = registry::looks_like_failed_download(*source);
  if (!instead.empty()) refuse_file(path, "another file", std::move(instead));
  try {
    return make_tokenizer(bytes);
  } catch (const Error& error) {
    Where where = error.where();
    where.file = path;
    throw Error{error.with(
        {.where = std::move(where), .hint = error.hint().empty() ? cut_or_damaged : error.hint()})};
  }
}

}  // namespace ditmill::models
