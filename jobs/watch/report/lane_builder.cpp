#include "jobs/watch/report/lane_builder.h"

#include <algorithm>
#include <utility>

namespace ditmill::jobs::watch {
namespace {

/// Of a joined span, in gaps that it may swallow: so that one that is long still shows its parts.
constexpr double longest_in_reaches = 4;
/// Starts closer than this are of clips that run together.
constexpr double together = 0.002;

void swallow(Span& span, const Span& next) {
  const double overlap = std::max(0.0, std::min(span.end, next.end) - next.begin);
  span.end = std::max(span.end, next.end);
  span.work += std::max(0.0, next.work - overlap);
  span.items += next.items;
  span.item.clear();
}

}  // namespace

LaneBuilder::LaneBuilder(int epoch, int group, std::size_t most_spans) : most_spans_(most_spans) {
  lane_.epoch = epoch;
  lane_.group = group;
}

void LaneBuilder::take(const results::Record& record) {
  switch (record.event) {
    case results::Event::start:
      attempts_.take(record);
      break;
    case results::Event::done:
      add(record, SpanKind::done);
      break;
    case results::Event::failed:
      add(record, SpanKind::failed);
      break;
    case results::Event::quarantined:
      add(record, SpanKind::quarantined);
      break;
    case results::Event::stopped:
    case results::Event::crashed:
      break;
  }
}

Lane LaneBuilder::finish(double epoch_end, bool alive) {
  add_open(epoch_end, alive ? SpanKind::running : SpanKind::lost);
  sort();
  if (lane_.spans.empty()) return std::move(lane_);
  Span whole = lane_.spans.front();
  for (std::size_t i = 1; i < lane_.spans.size(); ++i) swallow(whole, lane_.spans[i]);
  lane_.begin = whole.begin;
  lane_.end = std::max(whole.end, epoch_end);
  lane_.busy = whole.work;
  return std::move(lane_);
}

/// The span that a record ends; none if this group never began its item.
void LaneBuilder::add(const results::Record& record, SpanKind kind) {
  std::optional<results::Attempt> attempt = attempts_.take(record);
  if (!attempt) return;
  const double begin = attempt->begin;
  const double end = std::max(begin, record.time);
  lane_.spans.push_back(
      {.begin = begin, .end = end, .kind = kind, .work = end - begin, .item = std::move(attempt->item)});
  if (lane_.spans.size() > most_spans_) join();
}

void LaneBuilder::add_open(double epoch_end, SpanKind kind) {
  std::vector<double> starts;
  for (const auto& [key, open] : attempts_.by_key()) starts.push_back(open.begin);
  for (const Span& span : lane_.spans) starts.push_back(span.begin);
  std::sort(starts.begin(), starts.end());
  for (const auto& [key, open] : attempts_.by_key()) {
    const auto next = std::upper_bound(starts.begin(), starts.end(), open.begin + together);
    const double end = std::max(open.begin, next == starts.end() ? epoch_end : *next);
    lane_.spans.push_back(
        {.begin = open.begin, .end = end, .kind = kind, .work = end - open.begin, .item = open.item});
  }
}

void LaneBuilder::sort() {
  std::sort(lane_.spans.begin(), lane_.spans.end(),
            [](const Span& a, const Span& b) { return a.begin < b.begin; });
}

/// Joins neighbours until half of the room is free.
void LaneBuilder::join() {
  sort();
  std::vector<Span>& spans = lane_.spans;
  while (spans.size() > most_spans_ / 2) {
    reach_ = std::max(
        {2 * reach_, 1e-3, (spans.back().end - spans.front().begin) / static_cast<double>(most_spans_)});
    std::size_t last = 0;
    for (std::size_t i = 1; i < spans.size(); ++i) {
      const bool near = spans[i].begin - spans[last].end <= reach_ &&
                        spans[i].end - spans[last].begin <= longest_in_reaches * reach_;
      if (near && spans[i].kind == spans[last].kind) {
        swallow(spans[last], spans[i]);
      } else if (++last != i) {
        spans[last] = std::move(spans[i]);
      }
    }
    spans.resize(last + 1);
    // All that are left differ in kind: there is nothing to join, however far apart.
    if (reach_ > spans.back().end - spans.front().begin) break;
  }
}

}  // namespace ditmill::jobs::watch
