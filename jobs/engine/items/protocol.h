#pragma once

#include <optional>
#include <string>
#include <vector>

#include "configs/error.h"
#include "dist/comm/communicator.h"
#include "jobs/requests/items/item.h"

namespace ditmill::jobs::engine {

/// An item handed to a group.
struct WorkItem {
  requests::Item item;
  int attempt = 1;
  bool alone = false;  ///< computed with no other beside it
};

/// From a group's root to the coordinator. Neither waits for the other to receive: a group computes for
/// minutes, and both may have something to say at the same moment.
struct GroupMessage {
  enum class Kind {
    ask,     ///< has room for items: answered by one Grant
    done,    ///< `items` of them are acknowledged: on disk and in the journal
    failed,  ///< `items` of them failed
    late,  ///< the time limit comes before the end of what is next: the last `items` of its grant are others'
    fatal,  ///< the group cannot go on: `error`; nobody gets further items
    leave,  ///< the group's last message
    drop,   ///< the same, of a group that gave up what it had in hand: its ranks are still at it
  };
  Kind kind = Kind::ask;
  std::size_t items = 0;
  std::optional<Error> error = {};
};

/// From the coordinator to a group's root: the answer to an `ask` (no items: there is nothing more to do),
/// or, unasked, the order to stop after the item in hand.
struct Grant {
  std::vector<WorkItem> items = {};
  bool stop = false;
};

void send_to_coordinator(const dist::Communicator& comm, const GroupMessage& message);
/// A message of any group, if one has arrived. Never waits.
std::optional<std::pair<int, GroupMessage>> receive_from_groups(const dist::Communicator& comm);

/// A grant as bytes and back, for the other ranks of a group.
std::string to_text(const Grant& grant);
Grant grant_from_text(const std::string& text);

void send_grant(const dist::Communicator& comm, int rank, const Grant& grant);
std::optional<Grant> receive_grant(const dist::Communicator& comm);

}  // namespace ditmill::jobs::engine
