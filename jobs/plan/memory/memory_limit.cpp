#include "jobs/plan/memory/memory_limit.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

#include "registry/checked.h"

namespace ditmill::jobs::plan {
namespace {

/// The number that a text begins with, after blanks; none for "max" and the like.
std::optional<std::uint64_t> leading_number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> read_number(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return leading_number(line);
}

/// The number behind `key` at the beginning of a line ("MemAvailable:", "inactive_file ").
std::optional<std::uint64_t> read_field(const std::string& path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key)) return leading_number(std::string_view(line).substr(key.size()));
  }
  return std::nullopt;
}

std::optional<std::uint64_t> read_kilobytes(const std::string& path, std::string_view key) {
  const std::optional<std::uint64_t> value = read_field(path, key);
  return value ? registry::checked_multiply(*value, 1024) : std::nullopt;
}

bool lists(std::string_view words, std::string_view wanted) {
  for (std::size_t at = 0; at <= words.size();) {
    const std::size_t end = std::min(words.find(',', at), words.size());
    if (words.substr(at, end - at) == wanted) return true;
    at = end + 1;
  }
  return false;
}

/// What proc(5) escapes in mountinfo: blanks, tabs, newlines, backslashes as three octal digits.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octal = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '7'; };
    if (text[i] == '\\' && i + 3 < text.size() && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      out.push_back(
          static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

/// A hierarchy of cgroups that has the memory controller.
struct Hierarchy {
  std::string mount;  ///< where it is mounted
  std::string root;   ///< the cgroup that is seen there
  std::string own;    ///< this process's cgroup
  bool unified = false;

  const char* limit() const { return unified ? "/memory.max" : "/memory.limit_in_bytes"; }
  const char* usage() const { return unified ? "/memory.current" : "/memory.usage_in_bytes"; }
  /// memory.stat of v1 has the sums of the whole subtree under names of their own.
  const char* prefix() const { return unified ? "" : "total_"; }
};

/// This process's cgroups: `id:controllers:path` a line; v2 is 0 without controllers (cgroups(7)).
void read_own(const std::string& path, Hierarchy& v1, Hierarchy& v2) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string_view controllers = std::string_view(line).substr(first + 1, second - first - 1);
    if (controllers.empty()) v2.own = line.substr(second + 1);
    if (lists(controllers, "memory")) v1.own = line.substr(second + 1);
  }
}

/// Where they are mounted: proc(5), mountinfo: id parent major:minor root mount options [tags] - type source
/// options.
void read_mounts(const std::string& path, Hierarchy& v1, Hierarchy& v2) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream before(line.substr(0, dash));
    std::istringstream after(line.substr(dash + 3));
    std::string skipped;
    std::string root;
    std::string mount;
    std::string type;
    std::string options;
    before >> skipped >> skipped >> skipped >> root >> mount;
    after >> type >> skipped >> options;
    const bool memory = type == "cgroup" && lists(options, "memory");
    if (type != "cgroup2" && !memory) continue;
    Hierarchy& hierarchy = memory ? v1 : v2;
    hierarchy.root = unescaped(root);
    hierarchy.mount = unescaped(mount);
  }
}

std::string folder_id(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return path;
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

/// A cgroup's own bound, if it has one.
std::optional<MemoryBound> bound_of(const Hierarchy& hierarchy, const std::string& root,
                                    const std::string& folder) {
  const std::string path = root + folder;
  const std::optional<std::uint64_t> limit = read_number(path + hierarchy.limit());
  const std::optional<std::uint64_t> usage = read_number(path + hierarchy.usage());
  // v1 says "none" by the largest number of pages.
  if (!limit || !usage || *limit >= std::uint64_t{1} << 62) return std::nullopt;
  std::uint64_t cache = 0;
  for (const char* list : {"inactive_file ", "active_file "}) {
    cache += read_field(path + "/memory.stat", hierarchy.prefix() + std::string(list)).value_or(0);
  }
  const std::uint64_t held = *usage - std::min(cache, *usage);
  return MemoryBound{.id = folder_id(path),
                     .source = folder + hierarchy.limit(),
                     .available = *limit - std::min(held, *limit)};
}

void add_bounds(const Hierarchy& hierarchy, const std::string& root, std::vector<MemoryBound>& bounds) {
  if (hierarchy.mount.empty() || hierarchy.own.empty()) return;
  // A container sees its own cgroup as the root of the mount, under a path of the host's.
  std::string below = hierarchy.own;
  if (hierarchy.root != "/" && (below == hierarchy.root || below.starts_with(hierarchy.root + "/"))) {
    below.erase(0, hierarchy.root.size());
  }
  if (below.find("/..") != std::string::npos) below.clear();  // outside of what is mounted here
  while (true) {
    while (below.ends_with('/')) below.pop_back();
    if (auto bound = bound_of(hierarchy, root, hierarchy.mount + below)) bounds.push_back(std::move(*bound));
    if (below.empty()) return;
    below.erase(below.rfind('/'));
  }
}

}  // namespace

std::vector<MemoryBound> memory_bounds(const std::string& root) {
  std::vector<MemoryBound> bounds;
  if (const auto available = read_kilobytes(root + "/proc/meminfo", "MemAvailable:")) {
    bounds.push_back({.id = "machine", .source = "MemAvailable of /proc/meminfo", .available = *available});
  }
  Hierarchy v1;
  Hierarchy v2{.mount = {}, .root = {}, .own = {}, .unified = true};
  read_own(root + "/proc/self/cgroup", v1, v2);
  read_mounts(root + "/proc/self/mountinfo", v1, v2);
  add_bounds(v2, root, bounds);
  add_bounds(v1, root, bounds);
  return bounds;
}

std::uint64_t shared_memory_room() {
  struct statvfs room {};
  if (::statvfs("/dev/shm", &room) != 0) return 0;
  return std::uint64_t{room.f_bavail} * room.f_frsize;
}

ProcessMemory process_memory(const std::string& root) {
  const std::string path = root + "/proc/self/status";
  return {.resident = read_kilobytes(path, "VmRSS:").value_or(0),
          .peak = read_kilobytes(path, "VmHWM:").value_or(0)};
}

std::string machine_id(const std::string& root) {
  std::ifstream file(root + "/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id + " " + machine_name();
}

std::string machine_name() {
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  return host;
}

}  // namespace ditmill::jobs::plan
