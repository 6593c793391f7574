#pragma once

#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/journal/record.h"

namespace ditmill::jobs::results {

/// The one writer of one journal file, for any thread. After any failure it refuses to go on, with that same
/// failure: what the disk then holds is unknown, and only a reader of a new epoch can say.
class JournalWriter {
 public:
  /// Creates the file, which must not exist, and makes its name durable. Throws Error: io, no_space.
  explicit JournalWriter(const std::string& path);

  /// Appends without waiting for the disk: it outlives the process, but not a power failure.
  void append(const Record& record) { append(std::span(&record, 1)); }
  /// Appends all records with one write. If that fails, the file is cut back to its last whole batch.
  void append(std::span<const Record> records);
  /// Makes everything appended so far durable.
  void sync();

 private:
  void require_sound() const;

  mutable std::mutex mutex_;
  durable::File file_;
  std::uint64_t size_ = 0;
  std::optional<Error> failure_;
};

}  // namespace ditmill::jobs::results
