#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <thread>

#include "dist/comm/communicator.h"
#include "jobs/engine/progress.h"
#include "jobs/engine/protocol.h"
#include "jobs/list/item_list.h"
#include "jobs/resume.h"

namespace ditmill::jobs {

/// How many items a group gets when it asks: large enough that texts are encoded in windows, small enough
/// near the end of the list that all groups finish together (guided self-scheduling: half of an even share).
std::size_t grant_size(std::size_t left, int groups, int window) noexcept;

/// Hands the items of a job to dp groups as they become free: a thread of rank 0 that lives from construction
/// to finish(). It probes and sleeps; it never blocks in MPI, which would spin a core that computes.
class Coordinator {
 public:
  /// `pending` are those of `items` to hand out, in that order: an item is made when it is. `group_roots` are
  /// the ranks that ask. `comm` is used for nothing else while the coordinator lives; it, `items`, `pending`
  /// and `progress` outlive it.
  Coordinator(const dist::Communicator& comm, const ItemList& items, std::span<const PendingItem> pending,
              std::set<int> group_roots, int window, Progress& progress);
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;
  ~Coordinator();

  /// Waits until every group has left. Returns the error of the first group that could not go on, if one
  /// could not. (If the thread itself fails, it ends all ranks.)
  std::optional<Error> finish();

 private:
  void serve();
  void handle(int rank, const GroupMessage& message);

  const dist::Communicator* comm_;
  const ItemList* items_;
  std::span<const PendingItem> pending_;  ///< those not handed out yet
  int groups_;
  std::set<int> present_;
  int window_;
  Progress* progress_;
  std::optional<Error> fatal_;
  std::jthread thread_;
};

}  // namespace ditmill::jobs
