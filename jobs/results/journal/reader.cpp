#include "jobs/results/journal/reader.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <unordered_map>

#include "configs/error.h"
#include "jobs/results/files/durable.h"

namespace ditmill::jobs::results {
namespace {

namespace fs = std::filesystem;

/// The number that starts `text`, which is shortened by it and by `then`; none if it does not start so.
std::optional<int> take_number(std::string_view& text, std::string_view then) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0 || end == text.data()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.starts_with(then)) return std::nullopt;
  text.remove_prefix(then.size());
  return value;
}

std::optional<JournalFile> journal_file(const fs::path& path) {
  const std::string file_name = path.filename().string();
  std::string_view rest = file_name;
  if (!rest.starts_with("e")) return std::nullopt;
  rest.remove_prefix(1);
  const auto epoch = take_number(rest, "-g");
  const auto group = epoch ? take_number(rest, ".jsonl") : std::nullopt;
  if (!group || !rest.empty()) return std::nullopt;
  return JournalFile{.epoch = *epoch, .group = *group, .path = path.string()};
}

/// Sizes of parts, asked of the file system once each.
class PartSizes {
 public:
  explicit PartSizes(const RunDirectory& run) : root_(run.path()) {}

  /// The part's size; none if there is no such file.
  std::optional<std::uint64_t> of(const std::string& part) {
    const auto found = sizes_.find(part);
    if (found != sizes_.end()) return found->second;
    std::error_code error;
    const auto size = fs::file_size(root_ + "/" + part, error);
    if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory) {
      throw system_error(error.value(), "look up a part", Where{.file = root_ + "/" + part});
    }
    return sizes_[part] = error ? std::nullopt : std::optional<std::uint64_t>(size);
  }

 private:
  std::string root_;
  std::unordered_map<std::string, std::optional<std::uint64_t>> sizes_;
};

class Merge {
 public:
  Merge(const RunDirectory& run, JournalState& state) : sizes_(run), state_(state) {}

  void take(const JournalFile& file, Record&& record) {
    if (record.key.empty()) return;  // of a group, not of an item
    if (record.event == Event::done && !is_stored(record, file.path)) record.event = Event::start;
    if (state_.by_key.take(file.epoch, record)) return;
    report(file.path, "item " + record.item + " is done a second time (" + record.part +
                          ") with other content than in " + state_.by_key.at(record.key).record.part +
                          "; the first one counts");
  }

  void finish() {
    for (const auto& [part, lost] : lost_) {
      report(lost.file, "part " + part + lost.how + ": " + std::to_string(lost.keys.size()) +
                            (lost.keys.size() == 1 ? " item is" : " items are") + " pending again");
      const bool replaced = std::all_of(lost.keys.begin(), lost.keys.end(), [this](const std::string& key) {
        return state_.by_key.at(key).event == Event::done;
      });
      if (!replaced) state_.missing_parts.push_back(part);
    }
  }

 private:
  void report(const std::string& file, std::string message) {
    state_.reports.push_back({.file = file, .message = std::move(message)});
  }

  bool is_stored(const Record& record, const std::string& file) {
    const auto size = sizes_.of(record.part);
    if (size && *size == record.part_bytes) return true;
    Lost& lost = lost_[record.part];
    lost.file = file;
    lost.how = size ? " has " + std::to_string(*size) + " bytes, not " + std::to_string(record.part_bytes)
                    : " is missing";
    lost.keys.push_back(record.key);
    return false;
  }

  struct Lost {
    std::string file;
    std::string how;
    std::vector<std::string> keys;
  };

  PartSizes sizes_;
  JournalState& state_;
  std::map<std::string, Lost> lost_;  // by part
};

/// A journal as it comes, piece by piece: its lines, the last of which may be torn.
class Lines {
 public:
  Lines(const std::string& file, std::vector<JournalReport>& reports,
        const std::function<void(Record&&)>& take)
      : file_(file), reports_(reports), take_(take) {}

  void add(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      if (end == std::string_view::npos) {
        torn_ += bytes;
        return;
      }
      if (torn_.empty()) {
        line(bytes.substr(0, end));
      } else {
        torn_ += bytes.substr(0, end);
        line(torn_);
        torn_.clear();
      }
      bytes.remove_prefix(end + 1);
    }
  }

  void finish() {
    if (torn_.empty()) return;
    reports_.push_back({file_, at_,
                        "the last line is torn and was dropped: " + std::to_string(torn_.size()) +
                            " bytes without a newline"});
  }

 private:
  void line(std::string_view text) {
    std::string why;
    if (auto record = from_line(text, why)) {
      take_(*std::move(record));
    } else {
      reports_.push_back({file_, at_, "a damaged line was dropped: " + why});
    }
    at_ += text.size() + 1;
  }

  const std::string& file_;
  std::vector<JournalReport>& reports_;
  const std::function<void(Record&&)>& take_;
  std::string torn_;
  std::uint64_t at_ = 0;
};

}  // namespace

std::vector<Record> parse_journal(std::string_view bytes, const std::string& file,
                                  std::vector<JournalReport>& reports) {
  std::vector<Record> records;
  const std::function<void(Record &&)> keep = [&records](Record&& record) {
    records.push_back(std::move(record));
  };
  Lines lines(file, reports, keep);
  lines.add(bytes);
  lines.finish();
  return records;
}

void for_each_record(const std::string& path, std::vector<JournalReport>& reports,
                     const std::function<void(Record&&)>& take) {
  Lines lines(path, reports, take);
  durable::read_pieces(path, [&lines](std::string_view piece) { lines.add(piece); });
  lines.finish();
}

std::vector<JournalFile> journal_files(const RunDirectory& run) {
  std::vector<JournalFile> files;
  std::error_code error;
  for (fs::directory_iterator at(run.journals(), error), end; !error && at != end; at.increment(error)) {
    if (auto file = journal_file(at->path())) files.push_back(*std::move(file));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw system_error(error.value(), "list the journals", Where{.file = run.journals()});
  }
  std::sort(files.begin(), files.end());
  return files;
}

JournalState read_journals(const RunDirectory& run) {
  JournalState state;
  Merge merge(run, state);
  for (const JournalFile& file : journal_files(run)) {
    for_each_record(file.path, state.reports, [&](Record&& record) { merge.take(file, std::move(record)); });
  }
  merge.finish();
  return state;
}

}  // namespace ditmill::jobs::results
