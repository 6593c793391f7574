#include "jobs/watch/status/group_pace.h"

#include <algorithm>

namespace ditmill::jobs::watch {
namespace {

constexpr double between_marks_s = 10;
/// A finished item is journaled when its part is sealed: up to 5 s later, and a disk takes its time.
constexpr double seal_s = 10;
constexpr double least_window_s = 0.001;  // what a journal's times tell apart

}  // namespace

void GroupPace::take(const results::Record& record) {
  last_record_ = std::max(last_record_, record.time);
  if (record.key.empty()) return;
  const std::optional<results::Attempt> ended = attempts_.take(record);
  if (record.event == results::Event::start) {
    if (marks_.empty()) marks_.push_back({record.time, 0});
    last_started_ = record.item;
    return;
  }
  if (last_started_ == record.item) last_started_.clear();
  if (record.event == results::Event::done || record.event == results::Event::failed) finish(record, ended);
}

void GroupPace::finish(const results::Record& record, const std::optional<results::Attempt>& attempt) {
  ++(record.event == results::Event::done ? done_ : failed_);
  if (record.event == results::Event::done && attempt) {
    const auto seconds = static_cast<float>(std::max(record.time - attempt->begin, 0.0));
    if (last_seconds_.size() < durations) {
      last_seconds_.push_back(seconds);
    } else {
      last_seconds_[next_second_++ % durations] = seconds;
    }
  }
  last_finish_ = std::max(last_finish_, record.time);
  if (marks_.empty()) marks_.push_back({attempt ? attempt->begin : record.time, 0});
  Mark& last = marks_.back();
  const std::size_t ended = done_ + failed_;
  // Clips that are denoised together end together: a window does not begin between them.
  if (record.time == last.time && last.ended > 0) last.ended = ended;
  if (record.time >= last.time + between_marks_s) marks_.push_back({record.time, ended});
  while (marks_.size() > 1 && marks_[1].time <= last_finish_ - window_s) marks_.pop_front();
}

std::optional<double> GroupPace::median_s() const {
  if (last_seconds_.empty()) return std::nullopt;
  std::vector<float> sorted = last_seconds_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() - 1) / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

GroupPace::Rate GroupPace::rate(double now) const {
  if (marks_.empty()) return {};
  const Mark& begin = marks_.front();
  const double patience = seal_s + 2 * median_s().value_or(0);
  const double end = std::max(last_finish_, now - patience);
  return {.items = done_ + failed_ - begin.ended, .seconds = std::max(end - begin.time, least_window_s)};
}

}  // namespace ditmill::jobs::watch
