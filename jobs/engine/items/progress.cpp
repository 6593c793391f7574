#include "jobs/engine/items/progress.h"

#include <fmt/format.h>

#include <algorithm>

#include "configs/time_text.h"

namespace ditmill::jobs::engine {
namespace {

constexpr auto bar_interval = std::chrono::milliseconds{200};
constexpr auto first_line_after = std::chrono::seconds{2};
constexpr auto line_interval = std::chrono::seconds{10};
constexpr std::size_t bar_width = 30;

}  // namespace

Progress::Progress(std::size_t total, std::size_t already_done, bool terminal, Write write, Clock clock)
    : total_(total),
      done_(already_done),
      terminal_(terminal),
      write_(std::move(write)),
      clock_(std::move(clock)),
      began_(clock_()),
      next_(began_ + (terminal ? std::chrono::seconds{0} : first_line_after)) {}

void Progress::done(std::size_t items) {
  done_ += items;
  finished_here_ += items;
}

void Progress::failed(std::size_t items) {
  failed_ += items;
  finished_here_ += items;
}

void Progress::tick() {
  const auto now = clock_();
  if (now < next_) return;
  next_ = now + (terminal_ ? std::chrono::steady_clock::duration{bar_interval}
                           : std::chrono::steady_clock::duration{line_interval});
  show();
}

void Progress::finish() {
  show();
  if (terminal_) write_("\n");
}

std::string Progress::state() const {
  std::string text = fmt::format("{} done, {} failed of {}", done_, failed_, total_);
  if (finished_here_ == 0) return text;
  const double seconds = std::chrono::duration<double>(clock_() - began_).count();
  const double each = seconds / static_cast<double>(finished_here_);
  text += fmt::format(", {:.3g} s an item", each);
  const std::size_t left = total_ - std::min(total_, done_ + failed_);
  if (left > 0) text += fmt::format(", {} left", duration_text(each * static_cast<double>(left)));
  return text;
}

void Progress::show() {
  const std::string text = state();
  if (!terminal_) {
    if (text != shown_) write_(text + "\n");
    shown_ = text;
    return;
  }
  const double share = total_ == 0 ? 1.0 : static_cast<double>(done_ + failed_) / static_cast<double>(total_);
  const auto filled = static_cast<std::size_t>(share * bar_width);
  write_(fmt::format("\r[{:=<{}}{: <{}}] {}\x1b[K", "", filled, "", bar_width - std::min(filled, bar_width),
                     text));
}

}  // namespace ditmill::jobs::engine
