#pragma once

#include <future>
#include <vector>

#include "configs/field.h"
#include "models/pictures/picture.h"

namespace ditmill::models::pictures {

/// Reads the pictures of one request after the other; those of the next one by a thread of its own, ahead of
/// their use. Not thread-safe.
class InputReader {
 public:
  using Files = std::vector<configs::FileValue>;
  using Pictures = std::vector<Picture>;

  /// Begins to read what will be asked for next. A failure is that of read().
  void ahead(const Files& files);
  /// Throws as read_input().
  Pictures read(const Files& files);

 private:
  Files coming_;
  std::future<Pictures> pictures_;  ///< of coming_, while it is valid
};

}  // namespace ditmill::models::pictures
