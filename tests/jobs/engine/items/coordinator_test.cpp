#include "jobs/engine/items/coordinator.h"

#include <gmock/gmock.h>

#include "dist/comm/threads.h"
#include "jobs/engine/items/progress.h"
#include "jobs/engine/items/protocol.h"

namespace ditmill::jobs::engine {
namespace {

using testing::ElementsAre;

/// A group's root as the coordinator sees it.
class Group {
 public:
  explicit Group(const dist::Communicator& comm) : comm_(comm) {}

  /// The ids of the items that it is granted.
  std::vector<std::string> ask() {
    send_to_coordinator(comm_, {.kind = GroupMessage::Kind::ask});
    std::optional<Grant> grant;
    while (!grant) grant = receive_grant(comm_);
    std::vector<std::string> ids;
    for (const WorkItem& item : grant->items) ids.push_back(item.item.request.id);
    return ids;
  }
  void say(GroupMessage::Kind kind, std::size_t items = 0) {
    send_to_coordinator(comm_, {.kind = kind, .items = items});
  }

 private:
  const dist::Communicator& comm_;
};

TEST(Coordinator, GivesOthersWhatAGroupHasNoTimeFor) {
  const requests::ItemList items{{.request = {.id = "a"}}, {.request = {.id = "b"}},
                                 {.request = {.id = "c"}}, {.request = {.id = "d"}},
                                 {.request = {.id = "e"}}, {.request = {.id = "f"}}};
  const std::vector<run::PendingItem> pending{{.item = 0}, {.item = 1}, {.item = 2},
                                              {.item = 3}, {.item = 4}, {.item = 5}};
  dist::run_on_threads(1, [&](const dist::Communicator& comm) {
    Progress progress(items.size(), 0, false, [](const std::string&) {});
    const StopSwitch stop;
    Coordinator coordinator({.comm = &comm,
                             .items = &items,
                             .pending = pending,
                             .group_roots = {0},
                             .window = 3,
                             .progress = &progress,
                             .stop = &stop});
    Group group(comm);
    EXPECT_THAT(group.ask(), ElementsAre("a", "b", "c"));
    EXPECT_FALSE(coordinator.out_of_time());
    group.say(GroupMessage::Kind::late, 2);
    // A real group would leave now; another one would ask.
    EXPECT_THAT(group.ask(), ElementsAre("b", "c"));
    EXPECT_TRUE(coordinator.out_of_time());
    EXPECT_THAT(group.ask(), ElementsAre("d"));
    EXPECT_THAT(group.ask(), ElementsAre("e"));
    EXPECT_THAT(group.ask(), ElementsAre("f"));
    EXPECT_THAT(group.ask(), ElementsAre());
    group.say(GroupMessage::Kind::leave);
    EXPECT_FALSE(coordinator.finish());
  });
}

}  // namespace
}  // namespace ditmill::jobs::engine
