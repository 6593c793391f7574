#include "jobs/epoch_owner.h"

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "configs/error.h"
#include "jobs/store/durable.h"

namespace ditmill::jobs {
namespace {

using nlohmann::json;

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

std::string trimmed_file(const char* path) {
  std::string text = durable::read_file(path);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::string pid_namespace() {
  std::error_code error;
  const auto target = std::filesystem::read_symlink("/proc/self/ns/pid", error);
  return error ? "" : target.string();
}

template <typename T>
T field(const json& object, const char* name, T otherwise) {
  const auto found = object.find(name);
  if (found == object.end()) return otherwise;
  if constexpr (std::is_same_v<T, std::string>) {
    return found->is_string() ? found->get<T>() : otherwise;
  } else {
    return found->is_number_unsigned() ? found->get<T>() : otherwise;
  }
}

}  // namespace

unsigned long long process_start(int pid) {
  std::string stat;
  try {
    stat = durable::read_file("/proc/" + std::to_string(pid) + "/stat");
  } catch (const Error&) {
    return 0;
  }
  // "pid (name) state ...": the name may hold spaces and parentheses.
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= stat.size()) return 0;
  std::string_view rest = std::string_view(stat).substr(name_end + 2);
  if (rest.front() == 'Z' || rest.front() == 'X') return 0;
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

EpochOwner this_process(const slurm::Allocation& allocation) {
  return {.host = host_name(),
          .boot_id = trimmed_file("/proc/sys/kernel/random/boot_id"),
          .pid_namespace = pid_namespace(),
          .pid = static_cast<int>(::getpid()),
          .pid_start = process_start(static_cast<int>(::getpid())),
          .slurm_job = allocation.job_id,
          .slurm_restart = allocation.restart_count};
}

std::string to_text(const EpochOwner& owner) {
  const json object{{"host", owner.host},
                    {"boot_id", owner.boot_id},
                    {"pid_namespace", owner.pid_namespace},
                    {"pid", owner.pid},
                    {"pid_start", owner.pid_start},
                    {"slurm_job", owner.slurm_job},
                    {"slurm_restart", owner.slurm_restart}};
  return object.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

EpochOwner owner_from_text(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return {};
  return {.host = field<std::string>(object, "host", ""),
          .boot_id = field<std::string>(object, "boot_id", ""),
          .pid_namespace = field<std::string>(object, "pid_namespace", ""),
          .pid = field<int>(object, "pid", 0),
          .pid_start = field<unsigned long long>(object, "pid_start", 0),
          .slurm_job = field<std::string>(object, "slurm_job", ""),
          .slurm_restart = field<int>(object, "slurm_restart", 0)};
}

bool has_ended(const EpochOwner& owner, const EpochOwner& self) {
  if (!owner.slurm_job.empty() && owner.slurm_job == self.slurm_job &&
      owner.slurm_restart < self.slurm_restart) {
    return true;
  }
  const bool can_see_it = !owner.boot_id.empty() && owner.boot_id == self.boot_id &&
                          owner.pid_namespace == self.pid_namespace && owner.pid > 0 && owner.pid_start > 0;
  return can_see_it && process_start(owner.pid) != owner.pid_start;
}

std::string describe(const EpochOwner& owner) {
  if (owner.pid == 0) return "an unknown process";
  std::string text = "pid " + std::to_string(owner.pid) + " on " + printable(owner.host);
  if (!owner.slurm_job.empty()) text += ", Slurm job " + printable(owner.slurm_job);
  return text;
}

}  // namespace ditmill::jobs
