#include "jobs/watch/status/joblog.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "configs/error.h"
#include "dist/liveness/rank_state.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/files/epoch_owner.h"
#include "jobs/results/journal/open_attempts.h"
#include "jobs/results/journal/tail.h"
#include "jobs/watch/status/item_counts.h"

namespace ditmill::jobs::watch {
namespace {

constexpr std::size_t piece_bytes = std::size_t{1} << 20;

/// Hosts of groups, as far as they are known.
class Hosts {
 public:
  explicit Hosts(const results::RunDirectory& run) : run_(run) {}

  const std::string& of(int epoch, int group) {
    if (epoch != epoch_) read(epoch);
    const auto found = of_group_.find(group);
    return found == of_group_.end() ? owner_ : found->second;
  }

 private:
  void read(int epoch) {
    epoch_ = epoch;
    of_group_.clear();
    for (const dist::RankReport& report : dist::read_reports(run_.status(epoch))) {
      if (report.group >= 0) of_group_.try_emplace(report.group, report.host);
    }
    owner_.clear();
    try {
      owner_ = results::owner_from_text(results::durable::read_file(run_.epoch(epoch))).host;
    } catch (const Error& error) {
      if (error.category() != Category::not_found) throw;
    }
    if (owner_.empty()) owner_ = "unknown";
  }

  const results::RunDirectory& run_;
  int epoch_ = 0;
  std::map<int, std::string> of_group_;
  std::string owner_;
};

class Joblog {
 public:
  Joblog(const results::RunDirectory& run, ItemCounts items,
         const std::function<void(std::string_view)>& write)
      : items_(std::move(items)), hosts_(run), write_(write) {}

  std::size_t lines() const noexcept { return lines_; }

  void take(const results::JournalFile& file, const results::Record& record) {
    const std::optional<results::Attempt> ended = attempts_.take(record);
    if (record.event == results::Event::done) line(file, record, ended, 0);
    const bool crashed = record.event == results::Event::crashed && !record.key.empty();
    if (record.event == results::Event::failed || crashed) line(file, record, ended, 1);
  }

  void flush() {
    write_(text_);
    text_.clear();
  }

  void header() { text_ += "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n"; }

 private:
  void line(const results::JournalFile& file, const results::Record& record,
            const std::optional<results::Attempt>& attempt, int exit) {
    const double start = attempt ? attempt->begin : record.time;
    fmt::format_to(std::back_inserter(text_), "{}\t{}\t{:.3f}\t{:10.3f}\t0\t0\t{}\t0\t{}\n",
                   items_.position(record.key), hosts_.of(file.epoch, file.group), start,
                   std::max(record.time - start, 0.0), exit, printable(record.item));
    ++lines_;
    if (text_.size() >= piece_bytes) flush();
  }

  ItemCounts items_;
  Hosts hosts_;
  const std::function<void(std::string_view)>& write_;
  results::OpenAttempts attempts_;
  std::string text_;
  std::size_t lines_ = 0;
};

}  // namespace

JoblogResult write_joblog(const results::RunDirectory& run,
                          const std::function<void(std::string_view)>& write) {
  std::optional<ItemCounts> items = ItemCounts::read(run);
  if (!items) {
    throw Error(Category::not_found, "write a joblog", Where{.file = run.requests()}, {}, {},
                run.no_run_hint());
  }
  Joblog joblog(run, *std::move(items), write);
  joblog.header();
  results::JournalTail journals(run);
  journals.look([&joblog](const results::JournalFile& file, const results::Record& record) {
    joblog.take(file, record);
  });
  joblog.flush();
  return {.lines = joblog.lines(), .damage = journals.damage()};
}

JoblogResult write_joblog(const results::RunDirectory& run, const std::string& path) {
  namespace durable = results::durable;
  const std::string temp = path + std::string{durable::temp_suffix};
  durable::File file = durable::File::open(temp, O_WRONLY | O_CREAT | O_TRUNC);
  try {
    JoblogResult result = write_joblog(run, [&file](std::string_view piece) { file.write(piece); });
    file.close();
    durable::publish(temp, path);
    return result;
  } catch (const Error&) {
    ::unlink(temp.c_str());
    throw;
  }
}

}  // namespace ditmill::jobs::watch
