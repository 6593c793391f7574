#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "jobs/results/files/run_directory.h"
#include "jobs/results/journal/reader.h"
#include "jobs/results/journal/record.h"

namespace ditmill::jobs::results {

/// What a journal has after its last newline.
struct UnfinishedLine {
  JournalFile file;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// Follows the journals of a run that may be at work. Each look gives the records that were appended since
/// the last one, and reads no other bytes: only the line that is not finished yet is read again, once the
/// file has grown. Holds a few hundred bytes a journal.
class JournalTail {
 public:
  static constexpr std::size_t longest_line = std::size_t{1} << 20;  ///< bytes; a longer one is damage
  static constexpr std::size_t most_reports = 100;                   ///< damage is counted beyond them

  using Take = std::function<void(const JournalFile& file, const Record& record)>;

  explicit JournalTail(RunDirectory run) : run_(std::move(run)) {}

  /// Gives what is new to `take`: epochs in their order, the journals of an epoch one after the other. Once a
  /// newer epoch has journals, those of older ones are read to their end and not looked at again. A file that
  /// cannot be read is reported, and tried again by the next look. Throws Error(io) if the journals cannot be
  /// listed.
  void look(const Take& take);

  /// Damage met so far: lines that were dropped, files that could not be read or have lost bytes.
  const std::vector<JournalReport>& damage() const noexcept { return damage_; }
  std::size_t damage_count() const noexcept { return damage_count_; }
  /// Journals that end in an unfinished line: being written, or torn by a crash.
  std::vector<UnfinishedLine> unfinished() const;
  std::uint64_t bytes_read() const noexcept { return bytes_read_; }

 private:
  struct Place {
    JournalFile file;
    std::uint64_t offset = 0;  ///< of the first line that was not given yet
    std::uint64_t size = 0;    ///< of the file, when it was last read
    bool skips_line = false;   ///< the line at `offset` is too long: it ends at the next newline
  };

  void read(Place& place, const Take& take);
  std::size_t give_lines(Place& place, const Take& take);
  void give_line(const JournalFile& file, std::uint64_t offset, std::string_view line, const Take& take);
  void report(const std::string& file, std::uint64_t offset, std::string message);

  RunDirectory run_;
  std::map<std::string, Place> places_;  ///< by path
  int newest_ = 0;                       ///< epoch that had a journal at the last look
  std::vector<JournalReport> damage_;
  std::size_t damage_count_ = 0;
  std::uint64_t bytes_read_ = 0;
  std::string buffer_;  ///< of the file that is being read, from `offset` on
  Record record_;
};

}  // namespace ditmill::jobs::results
