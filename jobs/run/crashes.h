#pragma once

#include <string>
#include <vector>

#include "jobs/requests/items/item_list.h"
#include "jobs/results/files/run_directory.h"
#include "jobs/results/journal/item_states.h"
#include "jobs/results/journal/record.h"

namespace ditmill::jobs::run {

/// An item that was in hand of so many ranks when these died is given up.
inline constexpr int crashes_to_quarantine = 3;

/// A rank that died first in an earlier epoch, by a signal of its own, and what it had in hand.
struct Crash {
  int epoch = 0;
  std::string how;                 ///< "rank 2 (node7, pid 123) died of SIGSEGV in epoch 4"
  std::vector<std::string> items;  ///< ids; several where they were computed together
};

/// What the states tell that the ranks of epochs before `epoch` left behind. A rank counts if it noted its
/// own fatal signal, or another rank of its machine found it dead while that one lived on: preemption and a
/// lost node take all at once and leave no such note. Of each epoch only the first to die counts; two that
/// were found at the same moment do not.
std::vector<Crash> read_crashes(const results::RunDirectory& run, int epoch);

/// What the journal of `epoch` is to say of crashes: a crash of each item that was in hand, and a
/// `quarantined` after the one that makes them `crashes_to_quarantine`. Items that are done are left alone,
/// as are ids that are no longer among `items`. `states` has taken in what is returned.
std::vector<results::Record> crash_records(const std::vector<Crash>& crashes, const requests::ItemList& items,
                                           results::ItemStates& states, int epoch);

}  // namespace ditmill::jobs::run
