#include "jobs/engine/ranks/teamwork.h"

#include "dist/comm/agree.h"

namespace ditmill::jobs::engine {

std::optional<Error> run_together(int ranks, const std::function<void()>& step,
                                  const std::function<void(const Error&)>& abandon) {
  std::optional<Error> failure = dist::failure_of(step);
  if (!failure || ranks == 1) return failure;
  if (scope_of(failure->category()) != Scope::item) abandon(*failure);
  return failure;
}

}  // namespace ditmill::jobs::engine
