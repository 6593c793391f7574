#include "dist/liveness/process.h"

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

namespace ditmill::dist {
namespace {

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string pid_namespace() {
  std::error_code error;
  const auto target = std::filesystem::read_symlink("/proc/self/ns/pid", error);
  return error ? "" : target.string();
}

/// What /proc says of a process from its state ("S 1 ...") on; empty if there is none.
std::string stat_from_state(int pid) {
  std::string stat;
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::getline(file, stat, '\0');
  // "pid (name) state ...": the name may hold spaces, parentheses and newlines.
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= stat.size()) return {};
  return stat.substr(name_end + 2);
}

}  // namespace

Process this_process() {
  const int pid = static_cast<int>(::getpid());
  return {.host = host_name(),
          .boot_id = first_line("/proc/sys/kernel/random/boot_id"),
          .pid_namespace = pid_namespace(),
          .pid = pid,
          .start = process_start(pid)};
}

unsigned long long process_start(int pid) {
  const std::string stat = stat_from_state(pid);
  std::string_view rest = stat;
  if (rest.empty() || rest.front() == 'Z' || rest.front() == 'X') return 0;
  constexpr int fields_from_state_to_start = 19;
  for (int i = 0; i < fields_from_state_to_start; ++i) {
    const std::size_t space = rest.find(' ');
    if (space == std::string_view::npos) return 0;
    rest.remove_prefix(space + 1);
  }
  unsigned long long start = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), start);
  return start;
}

bool process_is_stopped(int pid) {
  const std::string stat = stat_from_state(pid);
  return !stat.empty() && (stat.front() == 'T' || stat.front() == 't');
}

}  // namespace ditmill::dist
