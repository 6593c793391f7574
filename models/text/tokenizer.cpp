#include "models/text/tokenizer.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace ditmill::models {

std::size_t Tokenizer::count(std::string_view text) const {
  return encode(text, std::numeric_limits<int>::max()).size();
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
