#include "slurm/allocation.h"

#include <cstdlib>
#include <string_view>

#include "configs/error.h"
#include "configs/number_text.h"
#include "slurm/node_list.h"

namespace ditmill::slurm {
namespace {

template <typename Number>
std::optional<Number> read_count(const Environment& environment, const char* variable) {
  const char* text = environment(variable);
  if (text == nullptr) return std::nullopt;
  const std::optional<Number> value = number_from_text<Number>(text);
  if (!value || *value < 0) {
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
  const auto count = [&environment](const char* variable) { return read_count<int>(environment, variable); };
  Allocation allocation;
  allocation.job_id = text("SLURM_JOB_ID");
  if (!allocation.inside()) return allocation;
  allocation.restart_count = count("SLURM_RESTART_COUNT").value_or(0);
  allocation.array_job_id = text("SLURM_ARRAY_JOB_ID");
  allocation.array_task = count("SLURM_ARRAY_TASK_ID");
  if (const std::string list = text("SLURM_JOB_NODELIST"); !list.empty()) {
    allocation.nodes = expand_node_list(list, "SLURM_JOB_NODELIST");
  }
  allocation.tasks = count("SLURM_NTASKS");
  if (const std::string counts = text("SLURM_TASKS_PER_NODE"); !counts.empty()) {
    allocation.tasks_per_node = expand_counts(counts, "SLURM_TASKS_PER_NODE");
  }
  allocation.cpus_per_task = count("SLURM_CPUS_PER_TASK");
  allocation.gpus_on_node = count("SLURM_GPUS_ON_NODE");
  allocation.end_time = read_count<std::int64_t>(environment, "SLURM_JOB_END_TIME");
  allocation.partition = text("SLURM_JOB_PARTITION");
  allocation.submit_dir = text("SLURM_SUBMIT_DIR");
  return allocation;
}

Allocation read_allocation() {
  return read_allocation([](const char* variable) { return std::getenv(variable); });
}

}  // namespace ditmill::slurm
