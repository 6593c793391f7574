#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "jobs/results/files/durable.h"

namespace ditmill::jobs::run {

/// A folder that only this process builds in, until it gets its name. What a killed process built is removed.
class BuildFolder {
 public:
  /// Makes `path`.tmp, anew. Throws Error: usage (`path` is there, or `path`.tmp is no merge's), io (another
  /// process is building it).
  explicit BuildFolder(std::string path);
  BuildFolder(const BuildFolder&) = delete;
  BuildFolder& operator=(const BuildFolder&) = delete;
  ~BuildFolder();  ///< removes what is not published

  /// Not there yet.
  const std::string& path() const noexcept { return built_; }
  /// Makes the names in it durable, and gives it its own.
  void publish();

 private:
  std::string final_;
  std::string place_;  ///< with a mark, and what is built
  std::string built_;
  std::optional<results::durable::File> lock_;
};

/// A folder that is there already, for the time that only this process merges into it. Throws Error(io).
results::durable::File lock_folder(const std::string& path);

/// fsync of a folder and all below it. Throws Error(io).
void sync_tree(const std::string& path);

/// Gives a file that never changes a second name, or copies it where that cannot be (other file systems, too
/// many links) or is not wanted. The copy is whole when it gets its name. Returns whether it was linked.
/// Throws Error: io, no_space.
bool link_or_copy(const std::string& from, const std::string& to, bool copy);

/// "parts/e0002-g001/000001.h5" with its epoch raised by `by`; none if it is no such path.
std::optional<std::string> raise_epoch(std::string_view part, int by);

}  // namespace ditmill::jobs::run
