#include "jobs/cli/terminal_progress.h"

#include <unistd.h>

#include <iostream>

namespace ditmill::jobs::cli {
namespace {

constexpr std::chrono::milliseconds interval{200};
constexpr const char* start_of_empty_line = "\r\x1b[K";

}  // namespace

TerminalProgress::TerminalProgress() : on_terminal_(::isatty(STDERR_FILENO) == 1) {}

TerminalProgress::~TerminalProgress() {
  if (on_terminal_) std::cerr << start_of_empty_line << std::flush;
}

void TerminalProgress::show(const std::string& line) {
  const auto now = std::chrono::steady_clock::now();
  if (!on_terminal_ || now < next_) return;
  next_ = now + interval;
  std::cerr << start_of_empty_line << "ditmill: " << line << std::flush;
}

}  // namespace ditmill::jobs::cli
