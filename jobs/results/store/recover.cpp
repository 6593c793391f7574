#include "jobs/results/store/recover.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>

#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/journal/reader.h"

namespace ditmill::jobs::results {
namespace {

namespace fs = std::filesystem;

/// Epoch and group of a folder of parts: e0007-g000 or e0007-g000-01.
std::optional<std::pair<int, int>> owner_of(std::string_view folder) {
  int epoch = 0;
  int group = 0;
  const auto take = [&folder](std::string_view before, int& value) {
    if (!folder.starts_with(before)) return false;
    folder.remove_prefix(before.size());
    const auto [end, error] = std::from_chars(folder.data(), folder.data() + folder.size(), value);
    if (error != std::errc()) return false;
    folder.remove_prefix(static_cast<std::size_t>(end - folder.data()));
    return true;
  };
  if (!take("e", epoch) || !take("-g", group)) return std::nullopt;
  if (!folder.empty() && !folder.starts_with("-")) return std::nullopt;
  return std::pair(epoch, group);
}

/// What a journal says of its group's parts.
struct Acknowledgements {
  std::string last_part;  ///< the file name of the last part that it names: names grow with their number
  bool whole = true;      ///< no line but a torn last one is damaged
};

Acknowledgements acknowledgements(const std::string& path) {
  Acknowledgements found;
  std::error_code error;
  if (!fs::exists(path, error) && !error) return found;
  const std::string bytes = durable::read_file(path);
  // A torn last line is what a kill leaves; any other damage means that names of good parts may be lost.
  const std::size_t whole_lines = bytes.rfind('\n') + 1;
  std::vector<JournalReport> damage;
  for (const Record& record : parse_journal(std::string_view(bytes).substr(0, whole_lines), path, damage)) {
    if (record.event == Event::done) {
      found.last_part = std::max(found.last_part, fs::path(record.part).filename().string());
    }
  }
  found.whole = damage.empty();
  return found;
}

class Sweep {
 public:
  Sweep(const RunDirectory& run, int epoch) : run_(run), epoch_(epoch) {}

  std::vector<std::string> run() {
    for (const std::string& folder : run_.published()) {
      for (const fs::path& file : files_in(folder)) {
        if (is_temporary(file)) remove(file);
      }
    }
    for (const fs::path& folder : folders_in(run_.parts())) sweep_parts(folder);
    sweep_folders(run_.spools(), run_.spool(epoch_));
    std::sort(removed_.begin(), removed_.end());
    return std::move(removed_);
  }

 private:
  static bool is_temporary(const fs::path& file) {
    return file.filename().string().ends_with(durable::temp_suffix);
  }

  std::vector<fs::path> list(const fs::path& folder, bool folders) const {
    std::vector<fs::path> found;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      std::error_code gone;  // by another process: nothing to sweep
      if (at->is_directory(gone) == folders && !gone) found.push_back(at->path());
    }
    if (error && error != std::errc::no_such_file_or_directory) {
      throw system_error(error.value(), "list a folder of the run directory", Where{.file = folder.string()});
    }
    return found;
  }
  std::vector<fs::path> files_in(const fs::path& folder) const { return list(folder, false); }
  std::vector<fs::path> folders_in(const fs::path& folder) const { return list(folder, true); }

  void sweep_parts(const fs::path& folder) {
    const auto owner = owner_of(folder.filename().string());
    if (!owner || owner->first >= epoch_) return;
    const Acknowledgements journal = acknowledgements(run_.journal(owner->first, owner->second));
    for (const fs::path& file : files_in(folder)) {
      const bool behind = file.extension() == ".h5" && file.filename().string() > journal.last_part;
      if (is_temporary(file) || (behind && journal.whole)) remove(file);
    }
  }

  /// Embeddings serve one start only. They are not named one by one: a folder has a file for each rank.
  void sweep_folders(const std::string& parent, const std::string& own) {
    for (const fs::path& folder : folders_in(parent)) {
      if (folder == fs::path(own)) continue;
      std::error_code error;
      fs::remove_all(folder, error);
      if (error) {
        throw system_error(error.value(), "remove what an earlier run left", Where{.file = folder.string()});
      }
      removed_.push_back(folder.lexically_relative(run_.path()).string());
    }
    std::error_code not_empty;
    fs::remove(parent, not_empty);
  }

  void remove(const fs::path& file) {
    std::error_code error;
    if (fs::remove(file, error)) removed_.push_back(file.lexically_relative(run_.path()).string());
    if (error)
      throw system_error(error.value(), "remove what an earlier run left", Where{.file = file.string()});
  }

  const RunDirectory& run_;
  int epoch_;
  std::vector<std::string> removed_;
};

}  // namespace

void remove_statuses(const RunDirectory& run, int epoch) {
  std::error_code error;
  for (fs::directory_iterator at(run.statuses(), error), end; !error && at != end; at.increment(error)) {
    // Names of a run's epochs grow with their numbers.
    if (at->path().string() >= run.status(epoch)) continue;
    std::error_code failed;
    fs::remove_all(at->path(), failed);
    if (failed) {
      throw system_error(failed.value(), "remove what an earlier run left",
                         Where{.file = at->path().string()});
    }
  }
}

std::vector<std::string> remove_leftovers(const RunDirectory& run, int epoch) {
  return Sweep(run, epoch).run();
}

}  // namespace ditmill::jobs::results
