#include "models/tokenizers/tokenizer.h"

#include <algorithm>
#include <utility>

#include "models/tokenizers/sentencepiece.h"
#include "models/tokenizers/unigram/unigram.h"

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

}  // namespace

std::unique_ptr<const Tokenizer> make_tokenizer(const std::string& bytes) {
  if (looks_like_json(bytes)) return std::make_unique<const UnigramTokenizer>(bytes);
  return std::make_unique<const SentencePieceTokenizer>(bytes);
}

PaddedIds pad(std::vector<int> ids, int length, int pad_id) {
  PaddedIds padded{std::move(ids), {}};
  padded.attention_mask.assign(padded.ids.size(), 1);
  const std::size_t size = std::max(padded.ids.size(), static_cast<std::size_t>(std::max(length, 0)));
  padded.ids.resize(size, pad_id);
  padded.attention_mask.resize(size, 0);
  return padded;
}

}  // namespace ditmill::models
