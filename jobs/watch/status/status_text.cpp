#include "jobs/watch/status/status_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>

#include "configs/time_text.h"
#include "jobs/watch/status/group_table.h"
#include "jobs/watch/status/phrases.h"
#include "jobs/watch/status/rank_table.h"
#include "jobs/watch/status/slurm_view.h"
#include "jobs/watch/status/text_screen.h"

namespace ditmill::jobs::watch {
namespace {

constexpr std::size_t least_rows = 3;
constexpr std::size_t errors_shown = 5;
constexpr std::size_t damage_shown = 3;
constexpr std::size_t jobs_shown = 8;
constexpr std::size_t bar_width = 40;

Tint tint_of(RunState state) {
  switch (state) {
    case RunState::running:
    case RunState::finished:
      return Tint::green;
    case RunState::waiting:
    case RunState::stopped:
      return Tint::yellow;
    case RunState::crashed:
      return Tint::red;
  }
  return Tint::none;
}

/// The item is tried again.
bool is_drop(results::Event event) {
  return event == results::Event::stopped || event == results::Event::crashed;
}

std::string upper(std::string_view text) {
  std::string shouted{text};
  for (char& c : shouted) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return shouted;
}

/// "Fri 03:41", by the clock of whoever reads it.
std::string clock_text(double time) {
  const auto seconds = static_cast<std::time_t>(time);
  std::tm parts{};
  std::array<char, 32> text{};
  if (::localtime_r(&seconds, &parts) == nullptr) return "?";
  return {text.data(), std::strftime(text.data(), text.size(), "%a %H:%M", &parts)};
}

class Page {
 public:
  Page(const RunProgress& progress, const StatusLook& look)
      : progress_(progress), look_(look), screen_(look.width, look.colour) {}

  std::string write() {
    head();
    of_slurm();
    counts();
    if (!progress_.stop_file.empty()) {
      screen_.line(
          "STOP: " + progress_.stop_file + " is there, so no more items are begun; remove it to go on",
          Tint::yellow);
    }
    what_next();
    show_groups(screen_, progress_, table_rows());
    if (progress_.life.state != RunState::crashed) {
      show_ranks_without_group(screen_, progress_.ranks);
    } else if (!progress_.ranks.empty()) {
      screen_.title("what each rank last did");
      show_last_words(screen_, progress_.ranks, table_rows());
    }
    errors();
    damage();
    return screen_.text();
  }

 private:
  bool running() const { return progress_.life.state == RunState::running; }

  std::size_t table_rows() const {
    if (look_.rows == 0) return StatusLook::rows_of_a_table;
    const std::size_t below = (progress_.errors.empty() ? 0 : errors_shown + 2) +
                              (progress_.damage_count == 0 ? 0 : damage_shown + 2) + 4;
    const std::size_t taken = screen_.lines() + below;
    return std::max(least_rows, look_.rows - std::min(look_.rows, taken));
  }

  void head() {
    const RunLife& life = progress_.life;
    screen_.line({{progress_.name.empty() ? "run" : progress_.name, Tint::bold},
                  {"  "},
                  {upper(name(life.state)), tint_of(life.state)},
                  {"  "},
                  {progress_.run}});
    if (life.epoch == 0) return;
    std::string owner = fmt::format("epoch {}, {}", life.epoch, describe(life.owner));
    if (life.owner.slurm_restart > 0) owner += fmt::format(" (restart {})", life.owner.slurm_restart);
    if (life.heartbeat_age_s && !life.outcome) {
      owner += ", heartbeat " + ago(*life.heartbeat_age_s);
    }
    screen_.line(owner);
  }

  void of_slurm() {
    if (!progress_.slurm) return;
    const slurm::JobReport& report = *progress_.slurm;
    for (std::size_t i = 0; i < std::min(jobs_shown, report.jobs.size()); ++i) {
      screen_.line("Slurm: " + describe(report.jobs[i]));
    }
    if (report.jobs.size() > jobs_shown) {
      screen_.line(
          fmt::format("... and {} more (--json has all)", counted(report.jobs.size() - jobs_shown, "job")));
    }
    if (!report.note.empty()) screen_.line("Slurm: " + report.note, Tint::dim);
  }

  void counts() {
    screen_.line("");
    if (progress_.life.epoch == 0 && !progress_.has_list) {
      screen_.line("no items yet: the list is frozen when the run starts");
      return;
    }
    if (!progress_.has_list) {
      screen_.line("the list of items is not frozen yet: weights are read and checked before that");
      return;
    }
    const double share = progress_.total == 0
                             ? 1.0
                             : static_cast<double>(progress_.done) / static_cast<double>(progress_.total);
    const auto filled = static_cast<std::size_t>(share * bar_width);
    screen_.line({{fmt::format("[{}{}] {:.1f} %   ", std::string(filled, '='),
                               std::string(bar_width - filled, ' '), share * 100)},
                  {fmt::format("{} done", progress_.done), Tint::bold},
                  {", "},
                  bad(progress_.failed, "failed"),
                  {", "},
                  bad(progress_.quarantined, "quarantined"),
                  {fmt::format(", {} left of {}", progress_.left, progress_.total)}});
    rate();
  }

  static Tinted bad(std::size_t count, std::string_view what) {
    return {fmt::format("{} {}", count, what), count > 0 ? Tint::red : Tint::none};
  }

  void rate() {
    if (progress_.items_per_hour <= 0) {
      if (running()) screen_.line("no item of this epoch has ended yet: no rate");
      return;
    }
    std::string text = fmt::format(
        "{} items/h, {} s an item (of this epoch's last {})", short_number(progress_.items_per_hour),
        short_number(progress_.seconds_per_item), duration_text(progress_.window_s));
    if (progress_.eta_s) {
      text += fmt::format(", {} to go: until about {}", duration_text(*progress_.eta_s),
                          clock_text(progress_.now + *progress_.eta_s));
    }
    screen_.line(text);
  }

  void what_next() {
    const RunLife& life = progress_.life;
    if (running()) return;
    screen_.line(fmt::format("{}: {}", name(life.state), life.reason), tint_of(life.state));
    if (life.state == RunState::waiting) return;
    const bool goes_on = life.state != RunState::finished && (progress_.left > 0 || !progress_.has_list);
    const std::string& submit = progress_.resubmit;
    const std::string again = submit.empty()
                                  ? "run the same command again"
                                  : "`" + submit + (progress_.resumes_by_retry ? " --retry`" : "`");
    if (goes_on && progress_.has_list) {
      screen_.line(fmt::format("{}: it resumes with the {} left", again, counted(progress_.left, "item")));
    } else if (goes_on) {
      screen_.line(again + ": it resumes");
    } else if (progress_.failed + progress_.quarantined > 0) {
      screen_.line(fmt::format("`{} --retry failed` (or quarantined){} tries those again",
                               submit.empty() ? "ditmill run" : submit,
                               submit.empty() ? " with the same manifest" : ""));
    }
  }

  void errors() {
    if (progress_.errors.empty()) return;
    screen_.title("last errors");
    std::vector<std::vector<Tinted>> rows;
    for (const RunError& error : progress_.errors) {
      if (rows.size() == errors_shown) break;
      rows.push_back({{ago(progress_.now - error.time)},
                      {std::string{name(error.event)}, is_drop(error.event) ? Tint::yellow : Tint::red},
                      {error.item.empty() ? fmt::format("group {}", error.group) : short_cell(error.item)},
                      {error.reason}});
    }
    screen_.table(rows, {true, false, false, false});
    if (progress_.errors.size() > rows.size()) {
      const bool full = progress_.errors.size() >= RunWatcher::most_errors;
      screen_.line(fmt::format("... and {}{} before them (--json has {})", full ? "at least " : "",
                               progress_.errors.size() - rows.size(), full ? "100" : "all"),
                   Tint::dim);
    }
  }

  void damage() {
    if (progress_.damage_count == 0) return;
    screen_.title(fmt::format("{} of the journals", counted(progress_.damage_count, "damaged place")));
    for (std::size_t i = 0; i < std::min(damage_shown, progress_.damage.size()); ++i) {
      const results::JournalReport& report = progress_.damage[i];
      screen_.line(fmt::format("{}, byte {}: {}", report.file.substr(report.file.rfind('/') + 1),
                               report.offset, report.message));
    }
    if (progress_.damage_count > damage_shown) screen_.line("... (--json has more)", Tint::dim);
  }

  const RunProgress& progress_;
  const StatusLook& look_;
  TextScreen screen_;
};

}  // namespace

std::string status_text(const RunProgress& progress, const StatusLook& look) {
  return Page(progress, look).write();
}

}  // namespace ditmill::jobs::watch
