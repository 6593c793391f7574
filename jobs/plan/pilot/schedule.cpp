#include "jobs/plan/pilot/schedule.h"

#include <algorithm>
#include <queue>
#include <utility>
#include <vector>

namespace ditmill::jobs::plan {
namespace {

using Grant = std::span<const float>;

struct Group {
  Grant items;
  Grant next;
};

}  // namespace

std::size_t grant_size(std::size_t left, int groups, int window, std::size_t together) noexcept {
  if (left == 0) return 0;
  const auto all = static_cast<std::size_t>(groups);
  const std::size_t even_share = (left + all - 1) / all;
  return std::clamp<std::size_t>(left / (2 * all), std::min(together, even_share),
                                 std::max(static_cast<std::size_t>(window), together));
}

Schedule simulate(std::span<const float> seconds, int groups, int window, std::size_t together) {
  Grant left = seconds;
  const auto take = [&] {
    const Grant grant = left.first(grant_size(left.size(), groups, window, together));
    left = left.subspan(grant.size());
    return grant;
  };
  using Free = std::pair<double, std::size_t>;  // when, which group
  std::priority_queue<Free, std::vector<Free>, std::greater<>> free;
  std::vector<Group> all(static_cast<std::size_t>(groups));
  for (std::size_t group = 0; group < all.size(); ++group) {
    all[group].next = take();
    free.emplace(0.0, group);
  }
  double first_idle = -1;
  double idle_since = 0;  // sum over groups
  double end = 0;
  while (!free.empty()) {
    const auto [now, which] = free.top();
    free.pop();
    Group& group = all[which];
    if (group.items.empty()) group.items = std::exchange(group.next, {});
    if (group.items.empty()) {
      if (first_idle < 0) first_idle = now;
      idle_since += now;
      end = std::max(end, now);
      continue;
    }
    if (group.items.size() == 1) group.next = take();
    free.emplace(now + double{group.items.front()}, which);
    group.items = group.items.subspan(1);
  }
  const double idle = end * groups - idle_since;
  return {
      .seconds = end, .tail_seconds = end - first_idle, .idle_share = end == 0 ? 0 : idle / (end * groups)};
}

}  // namespace ditmill::jobs::plan
