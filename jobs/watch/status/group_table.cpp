#include "jobs/watch/status/group_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "configs/time_text.h"
#include "jobs/watch/status/phrases.h"

namespace ditmill::jobs::watch {
namespace {

std::vector<Tinted> group_row(const GroupStatus& group) {
  Tinted mark;
  if (group.silent)
    mark = {group.slow ? "SILENT, SLOW" : "SILENT", Tint::red};
  else if (group.slow)
    mark = {fmt::format("SLOW {:.1f}x", group.times_median), Tint::yellow};
  const std::string more_hosts = group.hosts > 1 ? fmt::format("+{}", group.hosts - 1) : "";
  const std::string more_ranks = group.ranks > 1 ? fmt::format("+{}", group.ranks - 1) : "";
  return {{std::to_string(group.group)},
          {group.host.empty() ? "-" : short_cell(group.host) + more_hosts,
           group.slow || group.silent ? Tint::bold : Tint::none},
          {group.rank < 0 ? "-" : std::to_string(group.rank) + more_ranks},
          {group.heartbeat_age_s ? duration_text(*group.heartbeat_age_s) : "-"},
          {std::to_string(group.done)},
          {group.median_s ? short_number(*group.median_s) : "-"},
          mark,
          {deed(group.doing, group.items)}};
}

void legend(TextScreen& screen, const std::vector<GroupStatus>& groups) {
  const auto any = [&groups](bool GroupStatus::*mark) {
    return std::any_of(groups.begin(), groups.end(),
                       [mark](const GroupStatus& group) { return group.*mark; });
  };
  if (any(&GroupStatus::silent)) {
    screen.line(
        fmt::format("SILENT: no sign of life for over {} s: its processes are stopped, or its node is gone",
                    GroupStatus::silence_s),
        Tint::dim);
  }
  if (any(&GroupStatus::slow)) {
    screen.line(fmt::format("SLOW: median seconds an item over {} x the median of the groups",
                            GroupStatus::slow_factor),
                Tint::dim);
  }
}

}  // namespace

void show_groups(TextScreen& screen, const RunProgress& progress, std::size_t most_rows) {
  if (progress.groups.empty()) return;
  std::vector<const GroupStatus*> order;
  for (const GroupStatus& group : progress.groups) order.push_back(&group);
  const auto urgency = [](const GroupStatus* group) { return group->silent ? 0 : group->slow ? 1 : 2; };
  std::stable_sort(order.begin(), order.end(),
                   [&](const GroupStatus* a, const GroupStatus* b) { return urgency(a) < urgency(b); });
  const std::size_t shown = std::min(order.size(), most_rows);
  const bool all = shown == order.size();
  if (all) {
    std::sort(order.begin(), order.end(),
              [](const GroupStatus* a, const GroupStatus* b) { return a->group < b->group; });
  }

  std::vector<std::vector<Tinted>> rows{
      {{"group", Tint::bold},
       {"host", Tint::bold},
       {"rank", Tint::bold},
       {"silence", Tint::bold},
       {"done", Tint::bold},
       {"s/item", Tint::bold},
       {"mark", Tint::bold},
       {progress.life.state == RunState::running ? "now" : "last", Tint::bold}}};
  for (std::size_t i = 0; i < shown; ++i) rows.push_back(group_row(*order[i]));
  screen.line("");
  screen.table(rows, {true, false, true, true, true, true, false, false});
  if (!all) {
    const auto quiet = static_cast<std::size_t>(
        std::count_if(order.begin() + static_cast<std::ptrdiff_t>(shown), order.end(),
                      [&](const GroupStatus* group) { return urgency(group) == 2; }));
    screen.line(fmt::format("... and {} more, {} of them neither slow nor silent (--json has all)",
                            counted(order.size() - shown, "group"), quiet),
                Tint::dim);
  }
  legend(screen, progress.groups);
}

}  // namespace ditmill::jobs::watch
