#include "models/text_cache.h"

namespace ditmill::models {

EncodedText TextCache::get(const std::string& text,
                           const std::function<EncodedText(const std::string&)>& encode) {
  const auto found = by_text_.find(text);
  if (found != by_text_.end()) {
    ++hits_;
    order_.splice(order_.begin(), order_, found->second);
    return found->second->encoded;
  }
  EncodedText encoded = encode(text);
  ++misses_;
  const std::size_t size = encoded.embedding.nbytes();
  if (size > max_bytes_) return encoded;
  while (bytes_ + size > max_bytes_) {
    bytes_ -= order_.back().encoded.embedding.nbytes();
    by_text_.erase(order_.back().text);
    order_.pop_back();
  }
  order_.push_front({text, encoded});
  by_text_.emplace(order_.front().text, order_.begin());
  bytes_ += size;
  return encoded;
}

}  // namespace ditmill::models
