#include "jobs/results/files/free_space.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "configs/error.h"
#include "configs/size_text.h"

namespace ditmill::jobs::results {

std::string nearest_existing(const std::string& path) {
  std::filesystem::path there = std::filesystem::absolute(path);
  std::error_code error;
  while (!std::filesystem::exists(there, error) && there.has_relative_path()) there = there.parent_path();
  return there.string();
}

std::optional<std::string> results_without_room(const std::string& run_directory, std::uint64_t needed) {
  const std::string there = nearest_existing(run_directory);
  std::error_code failure;
  const std::filesystem::space_info space = std::filesystem::space(there, failure);
  if (failure || space.available >= needed) return std::nullopt;
  return fmt::format("results may take {}, and {} are free in {}", gigabytes(needed, 1),
                     gigabytes(space.available, 1), there);
}

std::uint64_t free_bytes(const std::string& folder) {
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) {
    throw system_error(errno, "ask for the free space", Where{.file = folder});
  }
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

std::optional<std::string> shortage_of_room(std::uint64_t free, std::uint64_t part_bytes, int groups) {
  const std::uint64_t needed = 2 * part_bytes * static_cast<std::uint64_t>(groups);
  if (free >= needed) return std::nullopt;
  return fmt::format("no room: {} more must be free for two parts a group ({} are, {} are needed)",
                     megabytes(needed - free), megabytes(free), megabytes(needed));
}

}  // namespace ditmill::jobs::results
