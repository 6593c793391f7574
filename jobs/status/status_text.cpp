#include "jobs/status/status_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <cstring>
#include <ctime>
#include <map>

#include "jobs/duration_text.h"
#include "jobs/status/slurm_view.h"
#include "jobs/status/text_screen.h"

namespace ditmill::jobs {
namespace {

constexpr std::size_t rows_of_a_table = 32;
constexpr std::size_t least_rows = 3;
constexpr std::size_t errors_shown = 5;
constexpr std::size_t damage_shown = 3;
constexpr std::size_t jobs_shown = 8;
constexpr std::size_t bar_width = 40;
constexpr std::size_t longest_cell = 24;

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

std::string upper(std::string_view text) {
  std::string shouted{text};
  for (char& c : shouted) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return shouted;
}

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string cut(std::string text) {
  if (text.size() > longest_cell) text = text.substr(0, longest_cell - 1) + "~";
  return text;
}

std::string ago(double seconds) { return duration_text(seconds) + " ago"; }

/// "Fri 03:41", by the clock of whoever reads it.
std::string clock_text(double time) {
  const auto seconds = static_cast<std::time_t>(time);
  std::tm parts{};
  std::array<char, 32> text{};
  if (::localtime_r(&seconds, &parts) == nullptr) return "?";
  return {text.data(), std::strftime(text.data(), text.size(), "%a %H:%M", &parts)};
}

/// What a rank does, and with which items, if that does not say so.
std::string deed(const std::string& doing, const std::string& items) {
  if (items.empty() || doing.find(items) != std::string::npos) return doing;
  const std::string first = items.substr(0, items.find(','));
  const auto more = static_cast<std::size_t>(std::count(items.begin(), items.end(), ','));
  if (more > 0 && doing.find(first) != std::string::npos) return fmt::format("{} [and {} more]", doing, more);
  return fmt::format("{}{}[{}{}]", doing, doing.empty() ? "" : " ", first,
                     more > 0 ? fmt::format(" and {} more", more) : "");
}

class Page {
 public:
  Page(const RunProgress& progress, const StatusLook& look)
      : progress_(progress), look_(look), screen_(look.width, look.colour) {}

  std::string write() {
    head();
    of_slurm();
    counts();
    if (progress_.stop_file) {
      screen_.line(
          "STOP: " + progress_.run + "/STOP is there, so no more items are begun; remove it to go on",
          Tint::yellow);
    }
    what_next();
    groups();
    if (progress_.life.state == RunState::crashed) {
      last_words();
    } else {
      ranks_without_group();
    }
    errors();
    damage();
    return screen_.text();
  }

 private:
  bool running() const { return progress_.life.state == RunState::running; }

  std::size_t table_rows() const {
    if (look_.rows == 0) return rows_of_a_table;
    const std::size_t below = (progress_.errors.empty() ? 0 : errors_shown + 2) +
                              (progress_.damage_count == 0 ? 0 : damage_shown + 2) + 4;
    const std::size_t taken = screen_.lines() + below;
    return std::max(least_rows, look_.rows - std::min(look_.rows, taken));
  }

  void title(std::string_view text) {
    screen_.line("");
    screen_.line(text, Tint::bold);
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

  void groups() {
    if (progress_.groups.empty()) return;
    std::vector<const GroupStatus*> order;
    for (const GroupStatus& group : progress_.groups) order.push_back(&group);
    const auto urgency = [](const GroupStatus* group) { return group->silent ? 0 : group->slow ? 1 : 2; };
    std::stable_sort(order.begin(), order.end(),
                     [&](const GroupStatus* a, const GroupStatus* b) { return urgency(a) < urgency(b); });
    const std::size_t shown = std::min(order.size(), table_rows());
    const bool all = shown == order.size();
    if (all) {
      std::sort(order.begin(), order.end(),
                [](const GroupStatus* a, const GroupStatus* b) { return a->group < b->group; });
    }

    std::vector<std::vector<Tinted>> rows{{{"group", Tint::bold},
                                           {"host", Tint::bold},
                                           {"rank", Tint::bold},
                                           {"silence", Tint::bold},
                                           {"done", Tint::bold},
                                           {"s/item", Tint::bold},
                                           {"mark", Tint::bold},
                                           {running() ? "now" : "last", Tint::bold}}};
    for (std::size_t i = 0; i < shown; ++i) rows.push_back(group_row(*order[i]));
    screen_.line("");
    screen_.table(rows, {true, false, true, true, true, true, false, false});
    if (!all) {
      const auto quiet = static_cast<std::size_t>(
          std::count_if(order.begin() + static_cast<std::ptrdiff_t>(shown), order.end(),
                        [&](const GroupStatus* group) { return urgency(group) == 2; }));
      screen_.line(fmt::format("... and {} more, {} of them neither slow nor silent (--json has all)",
                               counted(order.size() - shown, "group"), quiet),
                   Tint::dim);
    }
    legend();
  }

  void legend() {
    const auto any = [this](bool GroupStatus::*mark) {
      return std::any_of(progress_.groups.begin(), progress_.groups.end(),
                         [mark](const GroupStatus& group) { return group.*mark; });
    };
    if (any(&GroupStatus::silent)) {
      screen_.line(
          fmt::format("SILENT: no sign of life for over {} s: its processes are stopped, or its node is gone",
                      GroupStatus::silence_s),
          Tint::dim);
    }
    if (any(&GroupStatus::slow)) {
      screen_.line(fmt::format("SLOW: median seconds an item over {} x the median of the groups",
                               GroupStatus::slow_factor),
                   Tint::dim);
    }
  }

  static std::vector<Tinted> group_row(const GroupStatus& group) {
    Tinted mark;
    if (group.silent)
      mark = {group.slow ? "SILENT, SLOW" : "SILENT", Tint::red};
    else if (group.slow)
      mark = {fmt::format("SLOW {:.1f}x", group.times_median), Tint::yellow};
    const std::string more_hosts = group.hosts > 1 ? fmt::format("+{}", group.hosts - 1) : "";
    const std::string more_ranks = group.ranks > 1 ? fmt::format("+{}", group.ranks - 1) : "";
    return {{std::to_string(group.group)},
            {group.host.empty() ? "-" : cut(group.host) + more_hosts,
             group.slow || group.silent ? Tint::bold : Tint::none},
            {group.rank < 0 ? "-" : std::to_string(group.rank) + more_ranks},
            {group.heartbeat_age_s ? duration_text(*group.heartbeat_age_s) : "-"},
            {std::to_string(group.done)},
            {group.median_s ? short_number(*group.median_s) : "-"},
            mark,
            {deed(group.doing, group.items)}};
  }

  /// Before groups are formed: ranks that say the same share a line.
  void ranks_without_group() {
    struct Crowd {
      std::size_t count = 0;
      const RankWords* latest = nullptr;
    };
    std::map<std::string, Crowd> crowds;
    for (const RankWords& words : progress_.ranks) {
      if (words.report.group >= 0) continue;
      Crowd& crowd = crowds[words.report.doing];
      ++crowd.count;
      if (crowd.latest == nullptr || words.age_s < crowd.latest->age_s) crowd.latest = &words;
    }
    if (crowds.empty()) return;
    title("ranks that are in no group yet");
    std::vector<std::vector<Tinted>> rows;
    for (const auto& [doing, crowd] : crowds) {
      if (rows.size() == errors_shown) break;
      rows.push_back(
          {{counted(crowd.count, "rank")},
           {fmt::format("rank {} on {}", crowd.latest->report.rank, cut(crowd.latest->report.host))},
           {ago(crowd.latest->age_s)},
           {deed(doing, crowd.latest->report.items)}});
    }
    screen_.table(rows, {true, false, true, false});
    if (crowds.size() > rows.size()) screen_.line("... and others (--json has all)", Tint::dim);
  }

  /// Of every rank of a run that crashed: who died first comes first.
  void last_words() {
    if (progress_.ranks.empty()) return;
    std::vector<const RankWords*> order;
    for (const RankWords& words : progress_.ranks) order.push_back(&words);
    std::stable_sort(order.begin(), order.end(), [](const RankWords* a, const RankWords* b) {
      const auto death = [](const RankWords* words) {
        return words->report.died_ms > 0 ? words->report.died_ms : INT64_MAX;
      };
      return death(a) < death(b);
    });
    title("what each rank last did");
    const std::size_t shown = std::min(order.size(), table_rows());
    std::vector<std::vector<Tinted>> rows{{{"rank", Tint::bold},
                                           {"host", Tint::bold},
                                           {"group", Tint::bold},
                                           {"last heard", Tint::bold},
                                           {"end", Tint::bold},
                                           {"doing", Tint::bold}}};
    for (std::size_t i = 0; i < shown; ++i) {
      const RankWords& words = *order[i];
      rows.push_back({{std::to_string(words.report.rank)},
                      {cut(words.report.host)},
                      {words.report.group < 0 ? "-" : std::to_string(words.report.group)},
                      {ago(words.age_s)},
                      end_of(words),
                      {deed(words.report.doing, words.report.items)}});
    }
    screen_.table(rows, {true, false, true, true, false, false});
    if (shown < order.size()) {
      screen_.line(fmt::format("... and {} more (--json has all)", counted(order.size() - shown, "rank")),
                   Tint::dim);
    }
  }

  static Tinted end_of(const RankWords& words) {
    const int signal = words.report.signal;
    if (signal != 0) {
      const char* const abbreviation = ::sigabbrev_np(signal);
      return {abbreviation == nullptr ? fmt::format("signal {}", signal) : fmt::format("SIG{}", abbreviation),
              Tint::red};
    }
    if (words.report.died_ms > 0) return {"found dead", Tint::red};
    if (words.report.leaves) return {"left in order"};
    return {words.gone ? "gone" : "not known"};
  }

  void errors() {
    if (progress_.errors.empty()) return;
    title("last errors");
    std::vector<std::vector<Tinted>> rows;
    for (const RunError& error : progress_.errors) {
      if (rows.size() == errors_shown) break;
      rows.push_back(
          {{ago(progress_.now - error.time)},
           {std::string{name(error.event)}, error.event == Event::stopped ? Tint::yellow : Tint::red},
           {error.item.empty() ? fmt::format("group {}", error.group) : cut(error.item)},
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
    title(fmt::format("{} of the journals", counted(progress_.damage_count, "damaged place")));
    for (std::size_t i = 0; i < std::min(damage_shown, progress_.damage.size()); ++i) {
      const JournalReport& report = progress_.damage[i];
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

}  // namespace ditmill::jobs
