#include "jobs/engine/items/coordinator.h"

#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <barrier>
#include <functional>
#include <latch>
#include <thread>

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
    std::vector<std::string> ids;
    for (const WorkItem& item : ask_for_grant().items) ids.push_back(item.item.request.id);
    return ids;
  }
  Grant ask_for_grant() {
    say(GroupMessage::Kind::ask);
    return next_grant();
  }
  Grant next_grant() {
    std::optional<Grant> grant;
    while (!grant) {
      grant = receive_grant(comm_);
      if (!grant) std::this_thread::yield();
    }
    return *grant;
  }
  void say(GroupMessage::Kind kind, std::size_t items = 0) {
    send_to_coordinator(comm_, {.kind = kind, .items = items});
  }
  void fail(const Error& error) {
    send_to_coordinator(comm_, {.kind = GroupMessage::Kind::fatal, .error = error});
  }

 private:
  const dist::Communicator& comm_;
};

/// Six items, "a" to "f", and so many groups, whose roots are threads.
struct CoordinatorTest : ::testing::Test {
  using Body = std::function<void(Coordinator*, Group&, int rank)>;

  /// `body` runs on each rank; the coordinator is there on rank 0.
  void run(int ranks, const Body& body) {
    dist::run_on_threads(ranks, [&](const dist::Communicator& comm) {
      std::optional<Coordinator> coordinator;
      if (comm.rank() == 0) {
        parts.comm = &comm;
        parts.items = &items;
        parts.pending = pending;
        for (int root = 0; root < ranks; ++root) parts.group_roots.insert(root);
        parts.progress = &progress;
        parts.stop = &stop;
        coordinator.emplace(parts);
      }
      Group group(comm);
      body(coordinator ? &*coordinator : nullptr, group, comm.rank());
      if (coordinator) ended_with = coordinator->finish();
    });
  }
  /// One group.
  void run(const std::function<void(Coordinator&, Group&)>& body) {
    run(1, [&](Coordinator* coordinator, Group& group, int) { body(*coordinator, group); });
  }

  const requests::ItemList items{{.request = {.id = "a"}}, {.request = {.id = "b"}},
                                 {.request = {.id = "c"}}, {.request = {.id = "d"}},
                                 {.request = {.id = "e"}}, {.request = {.id = "f"}}};
  std::vector<run::PendingItem> pending{{.item = 0}, {.item = 1}, {.item = 2},
                                        {.item = 3}, {.item = 4}, {.item = 5}};
  Progress progress{6, 0, false, [](const std::string&) {}};
  StopSwitch stop;
  Coordinator::Parts parts{.window = 3};
  std::optional<Error> ended_with;
};

using Kind = GroupMessage::Kind;

TEST_F(CoordinatorTest, GivesOthersWhatAGroupHasNoTimeFor) {
  run([](Coordinator& coordinator, Group& group) {
    EXPECT_THAT(group.ask(), ElementsAre("a", "b", "c"));
    EXPECT_FALSE(coordinator.out_of_time());
    group.say(Kind::late, 2);
    // A real group would leave now; another one would ask.
    EXPECT_THAT(group.ask(), ElementsAre("b", "c"));
    EXPECT_TRUE(coordinator.out_of_time());
    EXPECT_THAT(group.ask(), ElementsAre("d"));
    EXPECT_THAT(group.ask(), ElementsAre("e"));
    EXPECT_THAT(group.ask(), ElementsAre("f"));
    EXPECT_THAT(group.ask(), ElementsAre());
    group.say(Kind::leave);
  });
  EXPECT_FALSE(ended_with);
}

TEST_F(CoordinatorTest, HandsOutThosePendingWithTheirAttemptAndWhetherTheyAreToBeAlone) {
  pending = {{.item = 4, .attempt = 3, .alone = true}, {.item = 1}};
  run([](Coordinator&, Group& group) {
    const Grant first = group.ask_for_grant();
    ASSERT_EQ(first.items.size(), 1U);
    EXPECT_EQ(first.items[0].item.request.id, "e");
    EXPECT_EQ(first.items[0].attempt, 3);
    EXPECT_TRUE(first.items[0].alone);
    EXPECT_THAT(group.ask(), ElementsAre("b"));
    group.say(Kind::leave);
  });
}

TEST_F(CoordinatorTest, LeavesSomethingForEveryGroupOfAShortList) {
  std::array<std::vector<std::string>, 4> granted;
  run(4, [&](Coordinator*, Group& group, int rank) {
    granted[static_cast<std::size_t>(rank)] = group.ask();
    group.say(Kind::leave);
  });
  EXPECT_THAT(granted, testing::Each(testing::SizeIs(1)));
}

TEST_F(CoordinatorTest, CountsWhatIsDoneAndFailed) {
  run([](Coordinator& coordinator, Group& group) {
    group.say(Kind::done, 2);
    group.say(Kind::failed, 1);
    group.say(Kind::done, 1);
    group.ask();  // after all that
    EXPECT_EQ(coordinator.done(), 3U);
    EXPECT_EQ(coordinator.failed(), 1U);
    group.say(Kind::leave);
  });
  EXPECT_EQ(progress.items_done(), 3U);
  EXPECT_EQ(progress.items_failed(), 1U);
}

TEST_F(CoordinatorTest, HandsOutNothingMoreOnceTheRunStops) {
  run([this](Coordinator&, Group& group) {
    EXPECT_THAT(group.ask(), ElementsAre("a", "b", "c"));
    stop.stop("told", std::chrono::hours{1});
    group.say(Kind::late, 3);  // nor what is given back
    EXPECT_THAT(group.ask(), ElementsAre());
    group.say(Kind::leave);
  });
}

TEST_F(CoordinatorTest, TellsAllGroupsToStopAtMaxFails) {
  parts.max_fails = 2;
  std::barrier both{2};
  run(2, [&](Coordinator* coordinator, Group& group, int rank) {
    EXPECT_THAT(group.ask(), testing::SizeIs(1));
    both.arrive_and_wait();
    if (rank == 1) {
      group.say(Kind::failed, 1);
      EXPECT_THAT(group.ask(), testing::SizeIs(1)) << "one is fewer than two";
      group.say(Kind::failed, 1);
    }
    EXPECT_TRUE(group.next_grant().stop);
    EXPECT_THAT(group.ask(), ElementsAre());
    EXPECT_TRUE(coordinator == nullptr || coordinator->reached_max_fails());
    group.say(Kind::leave);
  });
  EXPECT_FALSE(ended_with) << "the job is not at fault";
}

TEST_F(CoordinatorTest, TellsAllGroupsToStopWhenOneCannotGoOnAndEndsWithItsError) {
  run(2, [&](Coordinator*, Group& group, int rank) {
    if (rank == 1) {
      group.fail(Error{Category::no_space, "store results"});
      group.fail(Error{Category::io, "come too late"});
    }
    EXPECT_TRUE(group.next_grant().stop);
    EXPECT_THAT(group.ask(), ElementsAre());
    group.say(Kind::leave);
  });
  ASSERT_TRUE(ended_with);
  EXPECT_EQ(ended_with->category(), Category::no_space);
  EXPECT_EQ(ended_with->doing(), "store results");
}

TEST_F(CoordinatorTest, CallsForAnEndAfterADropOnceAllGroupsAreGone) {
  std::atomic<int> calls = 0;
  parts.after_a_drop = [&] { ++calls; };
  run(2, [&](Coordinator* coordinator, Group& group, int rank) {
    group.say(rank == 0 ? Kind::leave : Kind::drop);
    while (calls == 0) std::this_thread::yield();
    EXPECT_TRUE(coordinator == nullptr || coordinator->all_gone());
  });
  EXPECT_EQ(calls, 1);
}

TEST_F(CoordinatorTest, WaitsForTheOthersAfterADrop) {
  std::atomic<int> calls = 0;
  parts.after_a_drop = [&] { ++calls; };
  std::latch has_dropped{1};
  const Coordinator* the_coordinator = nullptr;
  run(2, [&](Coordinator* coordinator, Group& group, int rank) {
    if (rank == 0) {  // whose messages are taken first
      the_coordinator = coordinator;
      group.say(Kind::drop);
      has_dropped.count_down();
      return;
    }
    has_dropped.wait();
    group.ask();
    EXPECT_FALSE(the_coordinator->all_gone());
    EXPECT_EQ(calls, 0);
    group.say(Kind::leave);
  });
  EXPECT_EQ(calls, 1);
}

TEST_F(CoordinatorTest, CallsForNoEndWhereAllHaveLeft) {
  parts.after_a_drop = [] { ADD_FAILURE(); };
  run([](Coordinator&, Group& group) { group.say(Kind::leave); });
}

TEST_F(CoordinatorTest, LooksAroundAtItsStartAlready) {
  // So that a STOP file that is there counts before the second grant, not a second later.
  parts.every_second = [this] { stop.stop("STOP is there", std::chrono::hours{1}); };
  run([](Coordinator&, Group& group) {
    group.ask();
    EXPECT_THAT(group.ask(), ElementsAre());
    group.say(Kind::leave);
  });
}

}  // namespace
}  // namespace ditmill::jobs::engine
