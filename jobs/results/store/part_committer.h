#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "configs/error.h"
#include "jobs/results/files/run_directory.h"
#include "jobs/results/journal/writer.h"
#include "jobs/results/store/part_writer.h"

namespace ditmill::jobs::results {

/// What a seal acknowledged.
struct Acknowledged {
  std::string item;
  std::string key;
};

/// A part that is finished in memory, and what the journal is to say once it is durable.
struct FinishedPart {
  std::unique_ptr<PartWriter> part;
  std::string path;  ///< relative to the run directory
  std::vector<Record> done;
};

/// Makes a group's parts durable and journals their items, one part after the other, on a thread of its own:
/// the next part is built meanwhile. Knows nothing of HDF5. The first error ends it, and is thrown by every
/// later call.
class PartCommitter {
 public:
  /// `journal` outlives it.
  PartCommitter(RunDirectory run, int epoch, JournalWriter& journal);
  PartCommitter(const PartCommitter&) = delete;
  PartCommitter& operator=(const PartCommitter&) = delete;
  ~PartCommitter();  ///< waits for the part that is under way

  /// Takes a part; waits until the one before is done with.
  void commit(FinishedPart part);
  /// What was acknowledged since the last call.
  std::vector<Acknowledged> acknowledged();
  /// As acknowledged(), when no part is under way.
  std::vector<Acknowledged> wait();

 private:
  void run();
  std::vector<Acknowledged> make_durable(FinishedPart& part);
  SealedPart seal(const FinishedPart& part);
  void require_owner() const;

  RunDirectory run_;
  int epoch_;
  JournalWriter& journal_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<FinishedPart> part_;  ///< under way
  std::vector<Acknowledged> acknowledged_;
  std::optional<Error> failure_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace ditmill::jobs::results
