#include "jobs/watch/report/timeline.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/files/epoch_files.h"
#include "jobs/results/files/epoch_owner.h"
#include "jobs/results/journal/reader.h"
#include "jobs/watch/report/lane_builder.h"

namespace ditmill::jobs::watch {
namespace {

EpochFacts read_epoch(const results::RunDirectory& run, int number) {
  EpochFacts epoch{.number = number, .host = {}, .slurm_job = {}, .reason = {}};
  try {
    const results::EpochOwner owner =
        results::owner_from_text(results::durable::read_file(run.epoch(number)));
    epoch.host = owner.host;
    epoch.slurm_job = owner.slurm_job;
    epoch.slurm_restart = owner.slurm_restart;
  } catch (const Error& error) {
    if (error.category() != Category::not_found) throw;
  }
  return epoch;
}

void note(EpochFacts& epoch, const results::Record& record) {
  if (epoch.begin == 0 || record.time < epoch.begin) epoch.begin = record.time;
  epoch.end = std::max(epoch.end, record.time);
  if (record.event == results::Event::done) ++epoch.done;
  if (record.event == results::Event::failed || record.event == results::Event::quarantined) ++epoch.failed;
  const bool drops = record.event == results::Event::stopped || record.event == results::Event::crashed;
  if (drops && !record.reason.empty()) epoch.reason = reason_text(record);
}

/// Stretches of [begin, end] that no span of any lane covers.
std::vector<Gap> find_gaps(const Timeline& timeline) {
  std::vector<Gap> busy;
  for (const Lane& lane : timeline.lanes) {
    for (const Span& span : lane.spans) busy.push_back({span.begin, span.end});
  }
  std::sort(busy.begin(), busy.end(), [](const Gap& a, const Gap& b) { return a.begin < b.begin; });
  const double shortest = std::max(1.0, 0.01 * (timeline.end - timeline.begin));
  std::vector<Gap> gaps;
  double reached = timeline.begin;
  for (const Gap& stretch : busy) {
    if (stretch.begin - reached >= shortest) gaps.push_back({reached, stretch.begin});
    reached = std::max(reached, stretch.end);
  }
  if (timeline.end - reached >= shortest) gaps.push_back({reached, timeline.end});
  return gaps;
}

std::int64_t milliseconds(double seconds) { return std::llround(1000 * seconds); }

nlohmann::json to_json(const Lane& lane, double origin) {
  nlohmann::json spans = nlohmann::json::array();
  nlohmann::json items = nlohmann::json::array();
  std::int64_t before = milliseconds(origin);
  for (const Span& span : lane.spans) {
    const std::int64_t begin = milliseconds(span.begin);
    spans.push_back(begin - before);
    spans.push_back(milliseconds(span.end) - begin);
    spans.push_back(static_cast<int>(span.kind));
    spans.push_back(span.items);
    items.push_back(span.item);
    before = begin;
  }
  return {{"epoch", lane.epoch}, {"group", lane.group}, {"begin", lane.begin},      {"end", lane.end},
          {"busy", lane.busy},   {"items", items},      {"spans", std::move(spans)}};
}

}  // namespace

Timeline read_timeline(const results::RunDirectory& run, double now, std::size_t most_spans) {
  Timeline timeline;
  const std::vector<results::JournalFile> files = results::journal_files(run);
  const std::size_t most_a_lane =
      std::max<std::size_t>(100, most_spans / std::max<std::size_t>(1, files.size()));
  const int newest = std::max(results::newest_epoch(run), files.empty() ? 0 : files.back().epoch);
  timeline.life = read_life(run, newest, now);
  auto file = files.begin();
  for (int number = 1; number <= newest; ++number) {
    EpochFacts epoch = read_epoch(run, number);
    std::vector<LaneBuilder> builders;
    for (; file != files.end() && file->epoch <= number; ++file) {
      LaneBuilder& builder = builders.emplace_back(file->epoch, file->group, most_a_lane);
      std::vector<results::JournalReport> passed_over;
      results::for_each_record(file->path, passed_over, [&](const results::Record& record) {
        note(epoch, record);
        builder.take(record);
      });
    }
    // Only the newest owner can be alive; a copied run directory has young files.
    epoch.alive = number == newest && timeline.life.state == RunState::running;
    if (epoch.alive) epoch.end = std::max(epoch.end, now);
    for (LaneBuilder& builder : builders) {
      Lane lane = builder.finish(epoch.end, epoch.alive);
      if (lane.spans.empty()) continue;
      ++epoch.groups;
      if (timeline.begin == 0 || lane.begin < timeline.begin) timeline.begin = lane.begin;
      timeline.end = std::max(timeline.end, lane.end);
      timeline.lanes.push_back(std::move(lane));
    }
    timeline.epochs.push_back(std::move(epoch));
  }
  timeline.gaps = find_gaps(timeline);
  return timeline;
}

nlohmann::json to_json(const EpochFacts& epoch) {
  return {{"number", epoch.number},       {"host", epoch.host},
          {"slurm_job", epoch.slurm_job}, {"slurm_restart", epoch.slurm_restart},
          {"begin", epoch.begin},         {"end", epoch.end},
          {"alive", epoch.alive},         {"reason", epoch.reason},
          {"groups", epoch.groups},       {"done", epoch.done},
          {"failed", epoch.failed}};
}

nlohmann::json to_json(const Timeline& timeline) {
  nlohmann::json lanes = nlohmann::json::array();
  for (const Lane& lane : timeline.lanes) lanes.push_back(to_json(lane, timeline.begin));
  nlohmann::json gaps = nlohmann::json::array();
  for (const Gap& gap : timeline.gaps) gaps.push_back({gap.begin, gap.end});
  return {{"begin", timeline.begin},
          {"end", timeline.end},
          {"lanes", std::move(lanes)},
          {"gaps", std::move(gaps)}};
}

nlohmann::json progress_json(std::span<double> times, std::size_t points) {
  std::sort(times.begin(), times.end());
  nlohmann::json at = nlohmann::json::array();
  nlohmann::json counts = nlohmann::json::array();
  const std::size_t taken = std::min(times.size(), points);
  for (std::size_t i = 1; i <= taken; ++i) {
    const std::size_t count = i * times.size() / taken;
    at.push_back(times[count - 1]);
    counts.push_back(count);
  }
  return {{"times", std::move(at)}, {"counts", std::move(counts)}};
}

}  // namespace ditmill::jobs::watch
