#include "models/tokenizers/unigram/added_tokens.h"

#include <algorithm>
#include <utility>

#include "configs/error.h"
#include "configs/utf8.h"
#include "models/tokenizers/unigram/json_field.h"
#include "models/tokenizers/unigram/unicode.h"

namespace ditmill::models {
namespace {

/// Whether a token at [begin, end) is no part of a word.
bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  const bool word_before =
      begin > 0 && is_word(utf8::decode(last_character(text.substr(0, begin))).code_point);
  const bool word_behind = end < text.size() && is_word(utf8::decode(text.substr(end)).code_point);
  return !word_before && !word_behind;
}

}  // namespace

AddedTokens::AddedTokens(const std::vector<TokenizerJson::AddedToken>& tokens, const UnigramModel& model,
                         const Normalizer* normalizer)
    : normalizer_(normalizer) {
  std::map<int, const TokenizerJson::AddedToken*> by_id;  // of tokens with one content the last one counts
  int next = model.size();
  for (const TokenizerJson::AddedToken& token : tokens) {
    if (token.content.empty()) continue;
    if (!ids_.contains(token.content)) {
      const auto piece = model.find(token.content);
      ids_.emplace(token.content, piece ? *piece : next++);
    }
    by_id[ids_.at(token.content)] = &token;
  }
  for (const auto& [id, token] : by_id) add(*token, id);
}

void AddedTokens::add(const TokenizerJson::AddedToken& token, int id) {
  flags_.emplace(id, Flags{token.single_word, token.lstrip, token.rstrip});
  NormalizedText text(token.content);
  if (token.normalized && normalizer_ != nullptr) normalizer_->apply(text);
  SpecialTokens& tokens = token.normalized ? normalized_ : plain_;
  const std::string& pattern = text.text();
  if (pattern.empty()) {
    throw Error{Category::unsupported,
                std::string(JsonField::doing),
                Where{.file = std::string(JsonField::file), .key = "added_tokens"},
                Expected{"tokens that the normaliser leaves something of"},
                Got{"'" + printable(token.content) + "', of which nothing is left"},
                "set its \"normalized\" to false"};
  }
  if (tokens.find(pattern).length < pattern.size()) tokens.add(pattern, id);
}

void AddedTokens::cut(const NormalizedText& whole, const SpecialTokens& tokens,
                      std::vector<TextPart>& parts) const {
  const std::string_view text = whole.text();
  std::size_t looked = 0;
  std::size_t done = 0;  // what is before is in parts
  while (looked < text.size()) {
    const SpecialTokens::Match match = tokens.find(text.substr(looked));
    if (match.length == 0) break;
    std::size_t begin = looked + match.begin;
    std::size_t end = begin + match.length;
    looked = end;
    const Flags& flags = flags_.at(match.id);
    if (flags.single_word && !stands_alone(text, begin, end)) continue;
    if (flags.lstrip) begin = std::max(begin - trailing_space(text.substr(0, begin)), done);
    if (flags.rstrip) end += leading_space(text.substr(end));
    if (done < begin) parts.push_back({whole.slice({done, begin})});
    if (begin < end) parts.push_back({whole.slice({begin, end}), match.id});
    done = end;
  }
  if (done < text.size()) parts.push_back({whole.slice({done, text.size()})});
}

std::vector<TextPart> AddedTokens::split(const NormalizedText& text) const {
  std::vector<TextPart> plain;
  cut(text, plain_, plain);
  std::vector<TextPart> parts;
  for (TextPart& part : plain) {
    if (part.id) {
      parts.push_back(std::move(part));
      continue;
    }
    if (normalizer_ != nullptr) normalizer_->apply(part.text);
    cut(part.text, normalized_, parts);
  }
  return parts;
}

std::optional<int> AddedTokens::find(std::string_view content) const noexcept {
  const auto found = ids_.find(content);
  return found == ids_.end() ? std::nullopt : std::optional<int>(found->second);
}

int AddedTokens::largest_id() const noexcept {
  return std::max(plain_.largest_id(), normalized_.largest_id());
}

}  // namespace ditmill::models
