#include "jobs/cli/status.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "configs/error.h"
#include "jobs/journal/record.h"
#include "jobs/status/joblog.h"
#include "jobs/status/progress_of_run.h"
#include "jobs/status/shards.h"
#include "jobs/status/status_json.h"
#include "jobs/status/status_text.h"
#include "jobs/store/durable.h"
#include "jobs/submission.h"

namespace ditmill::jobs {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t widest = 120;
constexpr std::size_t narrowest = 40;
constexpr std::string_view home = "\x1b[H";
constexpr std::string_view clear_screen = "\x1b[2J";
constexpr std::string_view clear_line_end = "\x1b[K\n";
constexpr std::string_view clear_below = "\x1b[J";

bool is_terminal(const std::ostream& out) { return &out == &std::cout && ::isatty(STDOUT_FILENO) == 1; }

StatusLook look_of_terminal(bool whole_screen) {
  StatusLook look{.colour = std::getenv("NO_COLOR") == nullptr};
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
      const StatusLook look = look_of_terminal(options_.watch);
      const std::string text = status_text(progress, look);
      if (!options_.watch) {
        out_ << text;
      } else {
        if (first_) out_ << clear_screen;
        redraw(text, look.rows, out_);
      }
    } else {
      out_ << (first_ ? "" : "\n") << status_text(progress);
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

RunState state_of(const RunProgress& progress) { return progress.life.state; }
RunState state_of(const ArrayProgress& progress) { return progress.whole.life.state; }

template <typename Watcher>
int watch(Watcher watcher, const StatusOptions& options, std::ostream& out) {
  Shower shower(options, out);
  Clock::time_point give_up = Clock::now();
  while (true) {
    const auto progress = watcher.look(journal_time());
    shower.show(progress);
    const RunState state = state_of(progress);
    if (state == RunState::running) give_up = Clock::now() + options.afterwards;
    if (!options.watch || state == RunState::finished || Clock::now() >= give_up) return 0;
    std::this_thread::sleep_for(options.interval);
  }
}

void note(const JoblogResult& result) {
  for (const JournalReport& report : result.damage) {
    std::cerr << "ditmill: " << report.file << ", byte " << report.offset << ": " << report.message << "\n";
  }
}

int joblog(const StatusOptions& options, std::ostream& out) {
  const RunDirectory run{options.run_directory};
  if (options.joblog == "-") {
    note(write_joblog(run, [&out](std::string_view piece) { out << piece; }));
    return 0;
  }
  const std::string temp = options.joblog + std::string{durable::temp_suffix};
  durable::File file = durable::File::open(temp, O_WRONLY | O_CREAT | O_TRUNC);
  try {
    note(write_joblog(run, [&file](std::string_view piece) { file.write(piece); }));
    file.close();
    durable::publish(temp, options.joblog);
  } catch (const Error&) {
    ::unlink(temp.c_str());
    throw;
  }
  return 0;
}

}  // namespace

void add_status_options(CLI::App& command, StatusOptions& options) {
  command.add_option("run", options.run_directory, "A run directory")->required();
  command.add_flag("--watch", options.watch, "Look every 2 s until the run is over")
      ->excludes(command.get_option("--out"));
  command
      .add_option("--joblog", options.joblog,
                  "Write GNU parallel's joblog instead, a line an attempt; - for standard output")
      ->type_name("FILE")
      ->excludes(command.get_option("--watch"), command.get_option("--json"));
}

int show_status(const StatusOptions& options, std::ostream& out) {
  if (!options.joblog.empty()) return joblog(options, out);
  const RunDirectory run{options.run_directory};
  Submission submission = read_submission(run);
  if (is_array(run, submission, journal_time())) {
    return watch(ArrayWatcher{run, std::move(submission)}, options, out);
  }
  return watch(RunWatcher{run}, options, out);
}

}  // namespace ditmill::jobs
