#include "jobs/store/free_space.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <cerrno>

#include "configs/error.h"

namespace ditmill::jobs {
namespace {

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

}  // namespace

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

}  // namespace ditmill::jobs
