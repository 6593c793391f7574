#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <string_view>

#include "models/encoded_text.h"

namespace ditmill::models {

/// The texts used last, encoded, up to a number of bytes of embeddings; the one used least recently goes
/// first. An embedding handed out stays valid after it has gone. Not thread-safe.
class TextCache {
 public:
  explicit TextCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// A text, encoded: kept, or made by `encode` and then kept if it fits at all. If `encode` throws, nothing
  /// changes.
  EncodedText get(const std::string& text, const std::function<EncodedText(const std::string&)>& encode);
  bool holds(std::string_view text) const { return by_text_.contains(text); }

  std::size_t size() const noexcept { return order_.size(); }
  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t hits() const noexcept { return hits_; }
  std::size_t misses() const noexcept { return misses_; }

 private:
  struct Entry {
    std::string text;
    EncodedText encoded;
  };

  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::size_t hits_ = 0;
  std::size_t misses_ = 0;
  std::list<Entry> order_;                                                       ///< used last first
  std::map<std::string_view, std::list<Entry>::iterator, std::less<>> by_text_;  ///< keys live in order_
};

}  // namespace ditmill::models
