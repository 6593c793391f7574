#pragma once

#include <chrono>
#include <string>

namespace ditmill::jobs::cli {

/// A line on standard error that is written over a few times a second, if that is a terminal; gone when it
/// goes.
class TerminalProgress {
 public:
  TerminalProgress();
  TerminalProgress(const TerminalProgress&) = delete;
  TerminalProgress& operator=(const TerminalProgress&) = delete;
  ~TerminalProgress();

  void show(const std::string& line);

 private:
  bool on_terminal_;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace ditmill::jobs::cli
