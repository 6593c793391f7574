#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "jobs/results/files/run_directory.h"
#include "jobs/results/journal/record.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs {

/// The key of "item<N>": 64 digits, as `run` writes them.
std::string made_up_key(std::size_t item);
results::Record made_up_record(results::Event event, std::size_t item, double time, std::string reason = "");

/// A run directory as its files would lie there, without what wrote them.
class MadeUpRun {
 public:
  MadeUpRun();  ///< in a folder that goes with it
  explicit MadeUpRun(results::RunDirectory directory);

  const results::RunDirectory& directory() const noexcept { return run_; }
  /// requests.jsonl with item0 ... item<N-1>, written line by line.
  void write_list(std::size_t items) const;
  /// An epoch whose owner is this process, or nobody that lives; its heartbeat is now.
  void write_epoch(int epoch, bool alive) const;
  void release_epoch(int epoch) const;  ///< mtime 1970
  void write_outcome(const std::string& json) const;
  void append(int epoch, int group, const std::vector<results::Record>& records) const;
  void append_text(int epoch, int group, const std::string& text) const;

 private:
  std::optional<tests::TempFolder> folder_;
  results::RunDirectory run_;
};

}  // namespace ditmill::jobs
