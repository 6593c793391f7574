#pragma once

#include <string>

namespace ditmill::registry {

/// A folder while its files are written, under a temporary name beside its own: it is there whole, or not at
/// all.
class NewFolder {
 public:
  /// What an earlier attempt left is removed. Throws Error(usage) if the path is taken.
  explicit NewFolder(std::string path);
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;
  ~NewFolder();  ///< removes what is not published

  /// Where its files are written.
  const std::string& unfinished() const noexcept { return unfinished_; }
  void publish();
  /// Gives a path of a file that was written the one that it has once the folder is published; an empty one
  /// stays empty.
  void settle(std::string& file) const;

 private:
  std::string path_;
  std::string unfinished_;
};

}  // namespace ditmill::registry
