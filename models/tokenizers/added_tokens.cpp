#include "models/tokenizers/added_tokens.h"

#include <algorithm>
#include <utility>

#include "configs/error.h"
#include "configs/utf8.h"
#include "models/tokenizers/json_field.h"
#include "models/tokenizers/unicode.h"

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
  std::map<std::string, std::size_t> last;  // of tokens with one content the last one counts
  int next = model.size();
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::string& content = tokens[i].content;
    if (content.empty()) continue;
    last[content] = i;
    if (ids_.contains(content)) continue;
    const auto piece = model.find(content);
    ids_.emplace(content, piece ? *piece : next);
    if (!piece) ++next;
  }
  for (const auto& [content, index] : last) add(tokens[index], index, ids_.at(content));
}

void AddedTokens::add(const TokenizerJson::AddedToken& token, std::size_t index, int id) {
  flags_.emplace(id, Flags{token.single_word, token.lstrip, token.rstrip});
  NormalizedText text(token.content);
  if (token.normalized && normalizer_ != nullptr) normalizer_->apply(text);
  SpecialTokens& tokens = token.normalized ? normalized_ : plain_;
  const bool repeated = !text.text().empty() && tokens.find(text.text()).length == text.text().size();
  if (text.text().empty() || repeated) {
    throw Error{Category::bad_input,
                std::string(JsonField::doing),
                Where{.file = std::string(JsonField::file),
                      .key = "added_tokens[" + std::to_string(index) + "].content"},
                Expected{"a token that is not empty and unlike the others, once normalised"},
                Got{"'" + printable(token.content) + "'"}};
  }
  tokens.add(text.text(), id);
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
