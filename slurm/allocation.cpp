#include "slurm/allocation.h"

#include <charconv>
#include <cstring>
#include <string_view>

#include "configs/error.h"

namespace ditmill::slurm {
namespace {

std::optional<int> read_count(const char* variable, const char* text) {
  if (text == nullptr) return std::nullopt;
  int value = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, failure] = std::from_chars(text, end, value);
  if (failure != std::errc{} || stop != end || value < 0) {
    throw Error{Category::usage,
                "read the Slurm environment",
                Where{.key = variable},
                Expected{"a whole number, not negative"},
                Got{"'" + printable(text) + "'"},
                "unset it to run outside Slurm"};
  }
  return value;
}

}  // namespace

Allocation read_allocation(const Environment& environment) {
  const auto text = [&environment](const char* variable) -> std::string {
    const char* value = environment(variable);
    return value == nullptr ? "" : value;
  };
  Allocation allocation;
  allocation.job_id = text("SLURM_JOB_ID");
  if (!allocation.inside()) return allocation;
  allocation.restart_count = read_count("SLURM_RESTART_COUNT", environment("SLURM_RESTART_COUNT")).value_or(0);
  allocation.node_list = text("SLURM_JOB_NODELIST");
  allocation.cpus_per_task = read_count("SLURM_CPUS_PER_TASK", environment("SLURM_CPUS_PER_TASK"));
  return allocation;
}

}  // namespace ditmill::slurm
