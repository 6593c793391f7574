#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

namespace ditmill::jobs::engine {

/// Progress of a job on standard error: a bar that rewrites itself on a terminal, plain lines otherwise. Used
/// by one thread.
class Progress {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;
  using Write = std::function<void(const std::string&)>;

  /// `already_done` items were finished by earlier starts and count as done, but not for the rate. `write`
  /// gets whole lines (or, on a terminal, texts that begin with a carriage return).
  Progress(std::size_t total, std::size_t already_done, bool terminal, Write write,
           Clock clock = std::chrono::steady_clock::now);

  void done(std::size_t items);
  void failed(std::size_t items);
  /// Writes a line if one is due.
  void tick();
  /// Writes the last state.
  void finish();

  std::size_t items_done() const noexcept { return done_; }
  std::size_t items_failed() const noexcept { return failed_; }
  /// "12 done, 1 failed of 40, 3.2 s an item, 1m26s left"
  std::string state() const;

 private:
  void show();

  std::size_t total_;
  std::size_t done_;
  std::size_t failed_ = 0;
  std::size_t finished_here_ = 0;
  bool terminal_;
  Write write_;
  Clock clock_;
  std::chrono::steady_clock::time_point began_;
  std::chrono::steady_clock::time_point next_;
  std::string shown_;
};

}  // namespace ditmill::jobs::engine
