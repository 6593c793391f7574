#include "models/text_cache.h"

namespace ditmill::models {

EncodedText TextCache::get(const TextTask& task, const std::function<EncodedText(const TextTask&)>& encode) {
  const auto found = by_task_.find(task);
  if (found != by_task_.end()) {
    ++hits_;
    order_.splice(order_.begin(), order_, found->second);
    return found->second->encoded;
  }
  EncodedText encoded = encode(task);
  ++misses_;
  const std::size_t size = encoded.nbytes();
  if (size > max_bytes_) return encoded;
  while (bytes_ + size > max_bytes_) {
    bytes_ -= order_.back().encoded.nbytes();
    by_task_.erase(order_.back().task);
    order_.pop_back();
  }
  order_.push_front({task, encoded});
  by_task_.emplace(task, order_.begin());
  bytes_ += size;
  return encoded;
}

}  // namespace ditmill::models
