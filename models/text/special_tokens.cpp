#include "models/text/special_tokens.h"

#include <algorithm>
#include <utility>

namespace ditmill::models {

void SpecialTokens::add(std::string text, int id) {
  largest_id_ = std::max(largest_id_, id);
  auto& tokens = by_first_byte_[text.front()];
  const auto place = std::find_if(tokens.begin(), tokens.end(),
                                  [&](const Token& other) { return other.text.size() < text.size(); });
  tokens.insert(place, Token{std::move(text), id});
}

SpecialTokens::Match SpecialTokens::find(std::string_view text) const noexcept {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto tokens = by_first_byte_.find(text[at]);
    if (tokens == by_first_byte_.end()) continue;
    for (const auto& [token, id] : tokens->second) {
      if (text.substr(at).starts_with(token)) return {.begin = at, .length = token.size(), .id = id};
    }
  }
  return {.begin = text.size()};
}

}  // namespace ditmill::models
