#pragma once

#include <cstdint>
#include <functional>

namespace ditmill::models::kernels::cpu {

/// Threads of LibTorch's that work on so many tasks.
int threads_for(std::int64_t tasks);

/// Calls body(task, thread) for each task, each by the thread that is free next; threads are 0 to
/// threads_for(tasks) - 1. What a task makes must not depend on the thread, and `body` must not throw.
void share_out(std::int64_t tasks, const std::function<void(std::int64_t task, int thread)>& body);

}  // namespace ditmill::models::kernels::cpu
