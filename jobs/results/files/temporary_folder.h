#pragma once

#include <string>

namespace ditmill::jobs::results {

/// A new folder that goes with this object, and all that is in it.
class TemporaryFolder {
 public:
  /// PREFIX and six letters. Throws Error: io, no_space.
  explicit TemporaryFolder(const std::string& prefix);
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();

  const std::string& path() const noexcept { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace ditmill::jobs::results
