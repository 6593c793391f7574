#include "jobs/engine/items/in_hand.h"

#include <algorithm>

namespace ditmill::jobs::engine {
namespace {

constexpr std::size_t remembered = 15;

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

void InHand::take(std::span<const WorkItem> items) {
  const std::scoped_lock lock(mutex_);
  items_.assign(items.begin(), items.end());
  began_ = now_();
}

void InHand::finish(bool computed) {
  const std::scoped_lock lock(mutex_);
  const double seconds = std::chrono::duration<double>(now_() - began_).count();
  for (const WorkItem& item : items_) {
    if (!computed) break;
    std::vector<double>& measured = measured_[size_of(item)];
    if (measured.size() == remembered) measured.erase(measured.begin());
    measured.push_back(seconds / static_cast<double>(items_.size()));
  }
  items_.clear();
}

std::vector<WorkItem> InHand::items() const {
  const std::scoped_lock lock(mutex_);
  return items_;
}

bool InHand::fit_before(Clock::time_point deadline) const {
  const std::scoped_lock lock(mutex_);
  return fit(items_, began_, deadline);
}

std::size_t InHand::fitting(std::span<const WorkItem> items, Clock::time_point deadline) const {
  const std::scoped_lock lock(mutex_);
  std::size_t count = measured_.empty() ? std::min<std::size_t>(items.size(), 1) : items.size();
  while (count > 0 && !fit(items.first(count), now_(), deadline)) --count;
  return count;
}

bool InHand::fit(std::span<const WorkItem> items, Clock::time_point begin, Clock::time_point deadline) const {
  if (now_() >= deadline) return false;
  double seconds = 0;
  for (const WorkItem& item : items) {
    const std::optional<double> each = expected(size_of(item));
    if (!each) return true;
    seconds += *each;
  }
  return begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)) <=
         deadline;
}

InHand::Size InHand::size_of(const WorkItem& item) {
  const configs::Request& request = item.item.request;
  return {request.width, request.height, request.frames};
}

double InHand::pixels(const Size& size) {
  const auto [width, height, frames] = size;
  return static_cast<double>(width) * height * frames;
}

std::optional<double> InHand::expected(const Size& size) const {
  if (const auto found = measured_.find(size); found != measured_.end()) return median(found->second);
  std::optional<double> slowest_pixel;
  for (const auto& [other, seconds] : measured_) {
    slowest_pixel = std::max(slowest_pixel.value_or(0), median(seconds) / pixels(other));
  }
  if (!slowest_pixel) return std::nullopt;
  return *slowest_pixel * pixels(size);
}

}  // namespace ditmill::jobs::engine
