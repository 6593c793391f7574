#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <string_view>

#include "models/encoded_text.h"
#include "models/family.h"

namespace ditmill::models {

/// The texts used last, encoded, up to a number of bytes of embeddings; the one used least recently goes
/// first. An embedding handed out stays valid after it has gone. Not thread-safe.
class TextCache {
 public:
  explicit TextCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// A text, encoded: kept, or made by `encode` and then kept if it fits at all. If `encode` throws, nothing
  /// changes.
  EncodedText get(const TextTask& task, const std::function<EncodedText(const TextTask&)>& encode);
  bool holds(const TextTask& task) const { return by_task_.contains(task); }

  std::size_t size() const noexcept { return order_.size(); }
  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t hits() const noexcept { return hits_; }
  std::size_t misses() const noexcept { return misses_; }

 private:
  struct Entry {
    TextTask task;
    EncodedText encoded;
  };

  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::size_t hits_ = 0;
  std::size_t misses_ = 0;
  std::list<Entry> order_;  ///< used last first
  std::map<TextTask, std::list<Entry>::iterator> by_task_;
};

}  // namespace ditmill::models
