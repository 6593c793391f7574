#include "jobs/journal/reader.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <unordered_map>

#include "configs/error.h"
#include "jobs/store/durable.h"

namespace ditmill::jobs {
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

struct Entry {
  Record record;
  const std::string* file;
};

class Merge {
 public:
  Merge(const RunDirectory& run, JournalState& state) : sizes_(run), state_(state) {}

  void take(Entry&& entry) {
    Record& record = entry.record;
    ItemState& item = state_.by_key[record.key];
    item.attempts = std::max(item.attempts, record.attempt);
    if (record.event == Event::start) last_start_[record.key] = record.time;
    if (record.event == Event::done && !is_stored(record, *entry.file)) {
      if (item.event == Event::done) return;
      item.record.item = record.item;
      item.record.key = record.key;
      return;
    }
    if (item.event == Event::done) {
      if (record.event == Event::done && record.content != item.record.content) {
        report(*entry.file, "item " + record.item + " is done a second time (" + record.part +
                                ") with other content than in " + item.record.part +
                                "; the first one counts");
      }
      return;
    }
    const auto started = last_start_.find(record.key);
    item.started = started == last_start_.end() ? 0 : started->second;
    item.event = record.event;
    item.record = std::move(record);
  }

  void finish() {
    std::set<std::string> missing;
    for (const auto& [key, part] : missing_) {
      if (state_.by_key.at(key).event != Event::done) missing.insert(part);
    }
    state_.missing_parts.assign(missing.begin(), missing.end());
  }

 private:
  void report(const std::string& file, std::string message) {
    state_.reports.push_back({.file = file, .message = std::move(message)});
  }

  bool is_stored(const Record& record, const std::string& file) {
    const auto size = sizes_.of(record.part);
    if (size && *size == record.part_bytes) return true;
    missing_.emplace_back(record.key, record.part);
    report(file,
           "item " + record.item + " is pending again: its part " + record.part +
               (size ? " has " + std::to_string(*size) + " bytes, not " + std::to_string(record.part_bytes)
                     : " is missing"));
    return false;
  }

  PartSizes sizes_;
  JournalState& state_;
  std::unordered_map<std::string, double> last_start_;
  std::vector<std::pair<std::string, std::string>> missing_;  // key, part
};

}  // namespace

std::vector<Record> parse_journal(std::string_view bytes, const std::string& file,
                                  std::vector<JournalReport>& reports) {
  std::vector<Record> records;
  std::size_t at = 0;
  while (at < bytes.size()) {
    const std::size_t end = bytes.find('\n', at);
    if (end == std::string_view::npos) {
      reports.push_back({file, at,
                         "the last line is torn and was dropped: " + std::to_string(bytes.size() - at) +
                             " bytes without a newline"});
      break;
    }
    std::string why;
    if (auto record = from_line(bytes.substr(at, end - at), why)) {
      records.push_back(*std::move(record));
    } else {
      reports.push_back({file, at, "a damaged line was dropped: " + why});
    }
    at = end + 1;
  }
  return records;
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
  const std::vector<JournalFile> files = journal_files(run);
  for (std::size_t first = 0; first < files.size();) {
    // Groups of one epoch worked side by side: their records are put in order of time.
    std::vector<Entry> entries;
    std::size_t next = first;
    for (; next < files.size() && files[next].epoch == files[first].epoch; ++next) {
      const std::string& path = files[next].path;
      for (Record& record : parse_journal(durable::read_file(path), path, state.reports)) {
        entries.push_back({std::move(record), &path});
      }
    }
    std::stable_sort(entries.begin(), entries.end(),
                     [](const Entry& a, const Entry& b) { return a.record.time < b.record.time; });
    for (Entry& entry : entries) merge.take(std::move(entry));
    first = next;
  }
  merge.finish();
  return state;
}

}  // namespace ditmill::jobs
