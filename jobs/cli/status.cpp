#include "jobs/cli/status.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "configs/error.h"
#include "jobs/results/journal/record.h"
#include "jobs/run/submission.h"
#include "jobs/watch/status/joblog.h"
#include "jobs/watch/status/progress_of_run.h"
#include "jobs/watch/status/shards.h"
#include "jobs/watch/status/slurm_view.h"
#include "jobs/watch/status/slurm_watcher.h"
#include "jobs/watch/status/status_json.h"
#include "jobs/watch/status/status_text.h"

namespace ditmill::jobs::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t widest = 120;
constexpr std::size_t narrowest = 40;
constexpr std::string_view home = "\x1b[H";
constexpr std::string_view clear_screen = "\x1b[2J";
constexpr std::string_view clear_line_end = "\x1b[K\n";
constexpr std::string_view clear_below = "\x1b[J";

bool is_terminal(const std::ostream& out) { return &out == &std::cout && ::isatty(STDOUT_FILENO) == 1; }

watch::StatusLook look_of_terminal(bool whole_screen) {
  watch::StatusLook look{.colour = std::getenv("NO_COLOR") == nullptr};
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return look;
  look.width = std::clamp<std::size_t>(size.ws_col, narrowest, widest);
  if (whole_screen && size.ws_row > 0) look.rows = size.ws_row;
  return look;
}

/// A screenful over the last one. Lines beyond the screen are left out: they would scroll it.
void redraw(const std::string& text, std::size_t rows, std::ostream& out) {
  out << home;
  std::string_view rest = text;
  for (std::size_t row = 1; !rest.empty() && (rows == 0 || row < rows); ++row) {
    const std::size_t end = rest.find('\n');
    out << rest.substr(0, end) << clear_line_end;
    rest.remove_prefix(end + 1);
  }
  out << clear_below;
}

/// Shows a run as it stands; on a terminal that is watched, over what was there.
class Shower {
 public:
  Shower(const StatusOptions& options, std::ostream& out)
      : options_(options), out_(out), terminal_(is_terminal(out)) {}

  template <typename Progress>
  void show(const Progress& progress) {
    if (options_.json) {
      const nlohmann::json object = to_json(progress);
      const int indent = options_.watch ? -1 : 2;
      out_ << object.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    } else if (terminal_) {
      const watch::StatusLook look = look_of_terminal(options_.watch);
      const std::string text = watch::status_text(progress, look);
      if (!options_.watch) {
        out_ << text;
      } else {
        if (first_) out_ << clear_screen;
        redraw(text, look.rows, out_);
      }
    } else {
      out_ << (first_ ? "" : "\n") << watch::status_text(progress);
    }
    first_ = false;
    out_.flush();
    if (!out_) throw Error{Category::io, "write the status"};
  }

 private:
  const StatusOptions& options_;
  std::ostream& out_;
  bool terminal_;
  bool first_ = true;
};

/// A run, and an array: whose look it is, and whether it may still go on.
const watch::RunProgress& whole_of(const watch::RunProgress& progress) { return progress; }
const watch::RunProgress& whole_of(const watch::ArrayProgress& progress) { return progress.whole; }

template <typename Watcher>
int watch(Watcher watcher, const StatusOptions& options, std::ostream& out) {
  watch::SlurmWatcher slurm{results::RunDirectory{options.run_directory}};
  Shower shower(options, out);
  Clock::time_point give_up = Clock::now();
  while (true) {
    auto progress = watcher.look(results::journal_time());
    if (auto report = slurm.look(whole_of(progress).life.owner))
      watch::take_slurm(progress, *std::move(report));
    shower.show(progress);
    const watch::RunProgress& whole = whole_of(progress);
    if (watch::goes_on(whole)) give_up = Clock::now() + options.afterwards;
    if (!options.watch || whole.life.state == watch::RunState::finished || Clock::now() >= give_up) return 0;
    std::this_thread::sleep_for(options.interval);
  }
}

void note(const watch::JoblogResult& result) {
  for (const results::JournalReport& report : result.damage) {
    std::cerr << "ditmill: " << report.file << ", byte " << report.offset << ": " << report.message << "\n";
  }
}

int joblog(const StatusOptions& options, std::ostream& out) {
  const results::RunDirectory run{options.run_directory};
  if (options.joblog == "-") {
    note(watch::write_joblog(run, [&out](std::string_view piece) { out << piece; }));
    return 0;
  }
  note(watch::write_joblog(run, options.joblog));
  return 0;
}

}  // namespace

int show_status(const StatusOptions& options, std::ostream& out) {
  if (!options.joblog.empty()) return joblog(options, out);
  const results::RunDirectory run{options.run_directory};
  run::Submission submission = run::read_submission(run);
  if (watch::is_array(run, submission)) {
    return watch(watch::ArrayWatcher{run, std::move(submission)}, options, out);
  }
  return watch(watch::RunWatcher{run}, options, out);
}

}  // namespace ditmill::jobs::cli
