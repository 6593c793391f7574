#include "jobs/engine/ranks/teamwork.h"

#include "dist/comm/agree.h"

namespace ditmill::jobs::engine {

bool fails_the_item(Category category) noexcept {
  return category == Category::numeric || category == Category::memory || category == Category::bad_input ||
         category == Category::unsupported || category == Category::internal;
}

std::optional<Error> run_together(int ranks, const std::function<void()>& step,
                                  const std::function<void(const Error&)>& abandon) {
  std::optional<Error> failure = dist::failure_of(step);
  if (!failure || ranks == 1) return failure;
  const Category category = failure->category();
  const bool met_by_all =
      category == Category::numeric || category == Category::bad_input || category == Category::unsupported;
  if (!met_by_all) abandon(*failure);
  return failure;
}

}  // namespace ditmill::jobs::engine
