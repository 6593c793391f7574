#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "configs/list_text.h"

namespace ditmill::jobs::requests {

/// Ids of a message: how many, and the first few by name.
class SomeIds {
 public:
  /// `line`: where the item is; 0: not told.
  void add(std::string_view id, int line = 0) {
    if (count_++ >= most_named) return;
    extend_list(text_, id);
    if (line > 0) text_ += " (line " + std::to_string(line) + ")";
  }
  std::size_t count() const { return count_; }
  /// "12 items"
  std::string counted() const { return std::to_string(count_) + (count_ == 1 ? " item" : " items"); }
  /// "a, b, c, d, e and 7 more"
  std::string text() const {
    const std::size_t more = count_ > most_named ? count_ - most_named : 0;
    return text_ + (more > 0 ? " and " + std::to_string(more) + " more" : "");
  }

 private:
  static constexpr std::size_t most_named = 5;
  std::size_t count_ = 0;
  std::string text_;
};

}  // namespace ditmill::jobs::requests
