#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "configs/error.h"

namespace ditmill::jobs::requests {

/// Warnings of a list whose every line may deserve one: of each kind the first, and how many there are.
class CountedWarnings {
 public:
  /// The first of a kind is kept as it is given, those after it are counted.
  void add(Problem first, std::string_view kind);
  /// Counts one more of that kind. False if it is the first: then add() it.
  bool count(std::string_view kind) noexcept;
  /// What there is to say, in the order of the first of each.
  std::vector<Problem> take();

 private:
  struct Kind {
    std::string name;
    Problem first;
    std::size_t count = 1;
  };

  std::vector<Kind> kinds_;  ///< few
};

}  // namespace ditmill::jobs::requests
