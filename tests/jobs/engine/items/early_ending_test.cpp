#include "jobs/engine/items/early_ending.h"

#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "dist/comm/agree.h"
#include "dist/comm/threads.h"
#include "jobs/results/files/durable.h"
#include "tests/jobs/engine/engine_support.h"
#include "tests/jobs/engine/rehearsal.h"

namespace ditmill::jobs::engine {
namespace {

using std::chrono::seconds;

/// On another rank than rank 0, before its items, with a clock that stands.
struct EarlyEndingTest : ::testing::Test {
  const StopSwitch::Clock::time_point now{};

  EarlyEnding ending(seconds grace) const {
    return {1, grace, [](const run::Outcome&) {}, [now = now] { return now; }};
  }
  double after(StopSwitch::Clock::time_point moment) const {
    return std::chrono::duration<double>(moment - now).count();
  }
  double deadline_of_a_stop(seconds grace) const {
    EarlyEnding ending = this->ending(grace);
    ending.obey({.kind = dist::Order::Kind::finish, .why = "SIGUSR2"});
    return after(ending.stop().stopped()->deadline);
  }
  double last_moment(seconds grace, double left) const {
    EarlyEnding ending = this->ending(grace);
    ending.end_within(left);
    return after(*ending.stop().last_moment());
  }
};

TEST_F(EarlyEndingTest, KeepsATenthOfTheGraceForSealingButNoMoreThanTwoSeconds) {
  EXPECT_DOUBLE_EQ(deadline_of_a_stop(seconds{2}), 1.8);
  EXPECT_DOUBLE_EQ(deadline_of_a_stop(seconds{90}), 88);
}

TEST_F(EarlyEndingTest, BeginsNothingThatWouldEndInTheLastThirdOfTheGraceBeforeTheTimeLimit) {
  EXPECT_DOUBLE_EQ(last_moment(seconds{90}, 600), 570);
  EXPECT_DOUBLE_EQ(last_moment(seconds{6}, 24), 19) << "at least five seconds";
}

/// On rank 0, of a job of one group and six items that are granted one by one. An item's making is the
/// test's: it is where orders come. In a run all ranks then end; here the item in hand does.
struct EndingOfItems : ::testing::Test {
  using Kind = dist::Order::Kind;
  using Clock = StopSwitch::Clock;

  EndingOfItems() {
    job.write_manifest(R"({"components": {"text_encoder": {"window": 1}}})");
    job.write_list(6);
    authority.emplace(job.options(),
                      LaunchFacts{.world = 1, .threads = 1, .allocation = {}, .libraries = {}});
  }

  /// Works on the items; `make` is called at each.
  std::optional<Error> work(const std::function<void(const std::string& id)>& make) {
    authority->settle(nullptr, at::kCPU);
    ending.can_conclude(*authority);
    std::optional<Error> failure;
    dist::run_on_threads(1, [&](const dist::Communicator& comm) {
      the_comm = &comm;
      const StorePlan plan = authority->store_plan();
      results::GroupStore store(job.run(), plan.epoch, 0, plan.output, plan.provenance);
      Progress progress{6, 0, false, [](const std::string&) {}};
      Coordinator coordinator({.comm = &comm,
                               .items = &authority->items(),
                               .pending = authority->pending(),
                               .group_roots = {0},
                               .window = 1,
                               .progress = &progress,
                               .stop = &ending.stop(),
                               .after_a_drop = [this] { after_a_drop = true; }});
      MadeUpClips clips([&](const configs::Request& request) {
        make(request.id);
        if (!aborted_with.empty() || over)
          throw Error{Category::communication, "go on after the end of all ranks"};
      });
      const dist::ParallelContext parallel{dist::Mesh{1, {}}, 0};
      GroupRunner runner{parallel,
                         {.coordinator = &comm,
                          .store = &store,
                          .texts = made_up_texts(),
                          .generator = &clips,
                          .seams = {.tell = [](std::string_view) {},
                                    .wait = [](std::string_view) {},
                                    .abandon = {},
                                    .hold = [](std::span<const std::string>) {}},
                          .stop = &ending.stop(),
                          .now = [this] { return now; }},
                         authority->pipeline(),
                         plan.output};
      ending.begin_items(runner, &coordinator);
      failure = dist::failure_of([&] { runner.run(); });
      ending.end_items();
      coordinator.finish();
    });
    return failure;
  }

  std::vector<std::string> done() const { return items_with(job.run(), results::Event::done); }
  std::vector<std::string> dropped() const { return items_with(job.run(), results::Event::stopped); }
  std::optional<run::Outcome> outcome() const { return run::read_outcome(job.run()); }

  Rehearsal job;
  Clock::time_point now{};  ///< turned by the test
  const dist::Communicator* the_comm = nullptr;
  std::vector<int> aborted_with;
  std::vector<run::Outcome> told;
  std::atomic<bool> after_a_drop = false;
  bool over = false;  ///< the item in hand ends
  std::optional<Authority> authority;
  EarlyEnding ending{0, seconds{60}, [this](const run::Outcome& outcome) { told.push_back(outcome); },
                     [this] { return now; }, [this](int code) { aborted_with.push_back(code); }};
};

TEST_F(EndingOfItems, FinishesTheItemInHandWhereThereIsTimeAndEndsAsEver) {
  EXPECT_FALSE(work([this](const std::string& id) {
    now += seconds{10};
    if (id != "item1") return;
    ending.obey({.kind = Kind::finish, .why = "SIGUSR2 at rank 0"});
    ending.tick();
  }));
  EXPECT_THAT(done(), testing::ElementsAre("item0", "item1"));
  EXPECT_THAT(dropped(), testing::IsEmpty());
  EXPECT_THAT(aborted_with, testing::IsEmpty());
  EXPECT_FALSE(outcome()) << "written when the run has come to its end";
}

TEST_F(EndingOfItems, DropsTheItemInHandWhenItsTimeIsOver) {
  EXPECT_TRUE(work([this](const std::string& id) {
    if (id != "item1") return;
    ending.obey({.kind = Kind::finish, .why = "SIGUSR2 at rank 0"});
    now += seconds{58};
    ending.tick();
    over = true;
  }));
  EXPECT_THAT(done(), testing::ElementsAre("item0"));
  EXPECT_THAT(dropped(), testing::ElementsAre("item1"));
  EXPECT_TRUE(after_a_drop) << "which ends all ranks";
}

TEST_F(EndingOfItems, EndsAllRanksAfterADropWithAnOutcomeThatCountsWhatWasSealed) {
  work([this](const std::string& id) {
    if (id != "item1") return;
    ending.obey({.kind = Kind::finish, .why = "SIGUSR2 at rank 0"});
    now += seconds{58};
    ending.tick();
    while (!after_a_drop) std::this_thread::yield();
    ending.end_after_a_drop();
  });
  EXPECT_THAT(aborted_with, testing::ElementsAre(75));
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].exit, 75);
  EXPECT_EQ(told[0].counts.done, 1U);
  EXPECT_EQ(told[0].counts.left, 5U);
  EXPECT_THAT(told[0].reason, testing::HasSubstr("SIGUSR2 at rank 0"));
  EXPECT_EQ(outcome()->counts.done, 1U);
  EXPECT_TRUE(std::filesystem::exists(job.run().index()));
}

TEST_F(EndingOfItems, SealsAndEndsAllRanksAtOnceWhenItIsToldToEndNow) {
  work([this](const std::string& id) {
    if (id != "item2") return;
    ending.obey({.kind = Kind::now, .why = "SIGTERM at rank 0"});
  });
  EXPECT_THAT(done(), testing::ElementsAre("item0", "item1"));
  EXPECT_THAT(dropped(), testing::ElementsAre("item2"));
  EXPECT_THAT(aborted_with, testing::ElementsAre(75));
  EXPECT_EQ(told.size(), 1U);
  EXPECT_EQ(outcome()->exit, 75);
  EXPECT_EQ(outcome()->counts.done, 2U);
  EXPECT_EQ(outcome()->counts.left, 4U);
  EXPECT_THAT(outcome()->reason, testing::HasSubstr("SIGTERM at rank 0"));
  EXPECT_TRUE(std::filesystem::exists(job.run().index()));
}

TEST_F(EndingOfItems, LeavesTheEndOfAllRanksToWhoeverFoundOneLost) {
  work([this](const std::string& id) {
    if (id != "item2") return;
    over = true;
    ending.obey({.kind = Kind::lost, .why = "rank 1 (node7, pid 12) is dead"});
    while (!after_a_drop) std::this_thread::yield();
    ending.end_after_a_drop();
  });
  EXPECT_THAT(done(), testing::ElementsAre("item0", "item1"));
  EXPECT_THAT(dropped(), testing::ElementsAre("item2"));
  EXPECT_THAT(aborted_with, testing::IsEmpty());
  EXPECT_THAT(told, testing::IsEmpty()) << "that rank is named by whoever found it";
  EXPECT_EQ(outcome()->exit, 3);
  EXPECT_TRUE(outcome()->crashed);
  EXPECT_EQ(outcome()->reason, "rank 1 (node7, pid 12) is dead");
}

TEST_F(EndingOfItems, SealsAndGoesOnWhereOnlyTheLauncherMayBeAboutToEndIt) {
  EXPECT_FALSE(work([this](const std::string& id) {
    if (id != "item1") return;
    ending.obey({.kind = Kind::warned, .why = "SIGCONT"});
    wait_until_done(job.run(), "item0");
  }));
  EXPECT_FALSE(ending.stop().stopped());
  EXPECT_EQ(done().size(), 6U);
}

TEST_F(EndingOfItems, EndsAllRanksBeforeTheItemsWithWhatIsKnownOfThem) {
  ending.can_conclude(*authority);
  ending.obey({.kind = Kind::finish, .why = "SIGUSR2 at rank 0"});
  EXPECT_THAT(aborted_with, testing::ElementsAre(75));
  EXPECT_EQ(outcome()->counts.left, 6U);
  EXPECT_FALSE(std::filesystem::exists(job.run().index())) << "there is nothing to index";
}

TEST_F(EndingOfItems, LetsARunThatIsThroughWithItsItemsComeToItsEnd) {
  EXPECT_FALSE(work([](const std::string&) {}));
  ending.obey({.kind = Kind::now, .why = "SIGTERM at rank 0"});
  EXPECT_FALSE(ending.stop().stopped());
  EXPECT_THAT(aborted_with, testing::IsEmpty());
  EXPECT_EQ(authority->conclude(nullptr).exit, 0);
}

TEST_F(EndingOfItems, WritesNoOutcomeOverThatOfAnotherStart) {
  work([this](const std::string& id) {
    if (id != "item1") return;
    std::ofstream(job.run().epoch(2)) << R"({"pid":12,"host":"node7"})";
    std::ofstream(job.run().outcome()) << "theirs";
    ending.obey({.kind = Kind::now, .why = "SIGTERM at rank 0"});
    send_to_coordinator(*the_comm, {.kind = GroupMessage::Kind::leave});  // what it could not say itself
  });
  EXPECT_THAT(done(), testing::IsEmpty());
  EXPECT_THAT(aborted_with, testing::ElementsAre(3));
  EXPECT_THAT(told, testing::IsEmpty());
  EXPECT_EQ(results::durable::read_file(job.run().outcome()), "theirs");
}

}  // namespace
}  // namespace ditmill::jobs::engine
