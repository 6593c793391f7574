#include "models/kernels/cpu/share_out.h"

#include <ATen/Parallel.h>
#include <omp.h>

#include <algorithm>

namespace ditmill::models::kernels::cpu {

int threads_for(std::int64_t tasks) {
  return static_cast<int>(std::clamp<std::int64_t>(tasks, 1, at::get_num_threads()));
}

void share_out(std::int64_t tasks, const std::function<void(std::int64_t task, int thread)>& body) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads_for(tasks))
  for (std::int64_t task = 0; task < tasks; ++task) body(task, omp_get_thread_num());
}

}  // namespace ditmill::models::kernels::cpu
