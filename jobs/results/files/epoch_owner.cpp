#include "jobs/results/files/epoch_owner.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "configs/error.h"
#include "dist/liveness/process.h"

namespace ditmill::jobs::results {
namespace {

using nlohmann::json;

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

EpochOwner this_process(const slurm::Allocation& allocation) {
  dist::Process self = dist::this_process();
  return {.host = std::move(self.host),
          .boot_id = std::move(self.boot_id),
          .pid_namespace = std::move(self.pid_namespace),
          .pid = self.pid,
          .pid_start = self.start,
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
  return can_see_it && dist::process_start(owner.pid) != owner.pid_start;
}

std::string describe(const EpochOwner& owner) {
  if (owner.pid == 0) return "an unknown process";
  std::string text = "pid " + std::to_string(owner.pid) + " on " + printable(owner.host);
  if (!owner.slurm_job.empty()) text += ", Slurm job " + printable(owner.slurm_job);
  return text;
}

}  // namespace ditmill::jobs::results
