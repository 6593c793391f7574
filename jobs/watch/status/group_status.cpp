#include "jobs/watch/status/group_status.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string_view>

namespace ditmill::jobs::watch {
namespace {

struct Ranks {
  std::vector<const dist::RankReport*> reports;  // by rank

  std::int64_t newest_ms() const {
    std::int64_t newest = 0;
    for (const dist::RankReport* report : reports) newest = std::max(newest, report->alive_ms);
    return newest;
  }
  int hosts() const {
    std::set<std::string_view> hosts;
    for (const dist::RankReport* report : reports) hosts.insert(report->host);
    return static_cast<int>(hosts.size());
  }
};

void add_ranks(GroupStatus& status, const Ranks& ranks, double now, bool alive) {
  const dist::RankReport& first = *ranks.reports.front();
  status.host = first.host;
  status.rank = first.rank;
  status.ranks = static_cast<int>(ranks.reports.size());
  status.hosts = ranks.hosts();
  status.doing = first.doing;
  status.items = first.items;
  status.heartbeat_age_s = std::max(now - static_cast<double>(ranks.newest_ms()) / 1000, 0.0);
  status.silent = alive && *status.heartbeat_age_s > GroupStatus::silence_s;
}

void add_pace(GroupStatus& status, const GroupPace& pace) {
  status.done = pace.done();
  status.failed = pace.failed();
  status.median_s = pace.median_s();
  if (status.items.empty() && status.ranks == 0) status.items = pace.last_started();
}

void mark_slow(std::vector<GroupStatus>& groups) {
  std::vector<double> medians;
  for (const GroupStatus& status : groups) {
    if (status.median_s) medians.push_back(*status.median_s);
  }
  if (medians.size() < 2) return;
  const auto middle = medians.begin() + static_cast<std::ptrdiff_t>((medians.size() - 1) / 2);
  std::nth_element(medians.begin(), middle, medians.end());
  if (*middle <= 0) return;
  for (GroupStatus& status : groups) {
    if (!status.median_s) continue;
    status.times_median = *status.median_s / *middle;
    status.slow = status.times_median > GroupStatus::slow_factor;
  }
}

}  // namespace

std::vector<GroupStatus> group_statuses(std::span<const dist::RankReport> ranks,
                                        const std::map<int, GroupPace>& paces, double now, bool alive) {
  std::map<int, Ranks> of_group;
  for (const dist::RankReport& report : ranks) {
    if (report.group >= 0) of_group[report.group].reports.push_back(&report);
  }
  for (const auto& [group, pace] : paces) of_group.try_emplace(group);

  std::vector<GroupStatus> groups;
  for (const auto& [group, members] : of_group) {
    GroupStatus& status = groups.emplace_back();
    status.group = group;
    if (!members.reports.empty()) add_ranks(status, members, now, alive);
    if (const auto pace = paces.find(group); pace != paces.end()) add_pace(status, pace->second);
  }
  mark_slow(groups);
  return groups;
}

}  // namespace ditmill::jobs::watch
