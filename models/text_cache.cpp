#include "models/text_cache.h"

namespace ditmill::models {

at::Tensor TextCache::get(const std::string& text,
                          const std::function<at::Tensor(const std::string&)>& encode) {
  const auto found = by_text_.find(text);
  if (found != by_text_.end()) {
    ++hits_;
    order_.splice(order_.begin(), order_, found->second);
    return found->second->embedding;
  }
  at::Tensor embedding = encode(text);
  ++misses_;
  const std::size_t size = embedding.nbytes();
  if (size > max_bytes_) return embedding;
  while (bytes_ + size > max_bytes_) {
    bytes_ -= order_.back().embedding.nbytes();
    by_text_.erase(order_.back().text);
    order_.pop_back();
  }
  order_.push_front({text, embedding});
  by_text_.emplace(order_.front().text, order_.begin());
  bytes_ += size;
  return embedding;
}

}  // namespace ditmill::models
