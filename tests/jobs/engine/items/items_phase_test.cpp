#include "jobs/engine/items/items_phase.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <latch>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "dist/comm/agree.h"
#include "dist/comm/threads.h"
#include "tests/jobs/engine/engine_support.h"
#include "tests/jobs/engine/rehearsal.h"

// Jobs from their first item to their last, with threads for ranks: what `run` does of them beside processes,
// signals and exit codes.

namespace ditmill::jobs::engine {
namespace {

using results::Event;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct ItemsPhaseTest : ::testing::Test {
  /// An item's making, on each rank of its group.
  using Make = std::function<void(int rank, const std::string& id)>;

  ItemsPhaseTest() {
    job.write_manifest(R"({"components": {"text_encoder": {"window": 1}}})");
    job.write_list(8);
    options = job.options();
  }

  /// A start in a world of so many ranks. Returns how it ended; throws the agreed error.
  run::Outcome start(int ranks, const configs::ParallelConfig& degrees, const Make& make) {
    Authority authority = job.authority(options, ranks);
    authority.settle(nullptr, at::kCPU);
    if (before_the_items) before_the_items();
    run::EarlyEnd early;
    try {
      dist::run_on_threads(ranks, [&](const dist::Communicator& world) {
        const run::EarlyEnd mine = work(world, degrees, world.rank() == 0 ? &authority : nullptr, make);
        if (world.rank() == 0) early = mine;
      });
    } catch (const Error& error) {
      if (!authority.taken_over()) authority.conclude(&error);
      throw;
    }
    return authority.conclude(nullptr, early);
  }

  run::EarlyEnd work(const dist::Communicator& world, const configs::ParallelConfig& degrees,
                     Authority* authority, const Make& make) {
    const int rank = world.rank();
    const dist::Communicator items = world.split(0, rank, dist::Purpose::plan);
    const dist::ParallelContext parallel{dist::Mesh{world.size(), degrees}, world};
    const std::string plan =
        world.broadcast_text(authority == nullptr ? std::string{} : to_json(authority->store_plan()).dump(),
                             0, dist::Purpose::plan);
    dist::RankState state{rank};
    EarlyEnding ending{rank, std::chrono::seconds{60}, [](const run::Outcome&) {}, StopSwitch::Clock::now,
                       [](int code) { FAIL() << "ended with " << code; }};
    if (authority != nullptr) ending.can_conclude(*authority);
    if (seconds_left) ending.end_within(*seconds_left);
    dist::Sentinel sentinel{world.split(0, rank, dist::Purpose::heartbeat),
                            state,
                            {},
                            {.obey = [&](const dist::Order& order) { ending.obey(order); }}};
    Generation generation = rehearse(0);
    generation.generator = std::make_unique<MadeUpClips>([&](const configs::Request& request) {
      if (wait_for_a_stop) {
        while (!ending.stop().stopped()) std::this_thread::yield();
      }
      make(rank, request.id);
    });
    const run::EarlyEnd early =
        work_on_items({.world = &world,
                       .items = &items,
                       .parallel = &parallel,
                       .authority = authority,
                       .early_ending = &ending,
                       .sentinel = &sentinel,
                       .state = &state,
                       .seams = {.tell = [](std::string_view) {},
                                 .wait = [](std::string_view) {},
                                 .abandon = [](const Error& error) { throw Error{error}; },
                                 .hold = [](std::span<const std::string>) {}},
                       .max_fails = options.max_fails},
                      generation, pipeline(), store_plan_from_json(nlohmann::json::parse(plan)));
    sentinel.stop();
    return early;
  }

  static configs::PipelineConfig pipeline() {
    configs::PipelineConfig pipeline;
    pipeline.text_window = 1;
    return pipeline;
  }
  std::vector<std::string> sorted(Event event) const {
    std::vector<std::string> ids = items_with(job.run(), event);
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  Rehearsal job;
  plan::RunOptions options;
  std::optional<double> seconds_left;
  std::function<void()> before_the_items;
  bool wait_for_a_stop = false;  ///< each item, before it is made
};

void make_nothing_of_it(int /*rank*/, const std::string& /*id*/) {}

TEST_F(ItemsPhaseTest, DoesEachItemOnceInGroupsOfAnySize) {
  struct World {
    int ranks;
    configs::ParallelConfig degrees;
  };
  for (const World& world : {World{1, {}}, World{3, {}}, World{2, {.cfg = 2}}, World{4, {.cfg = 2}}}) {
    SCOPED_TRACE(world.ranks);
    const Rehearsal another;
    another.write_manifest();
    another.write_list(8);
    options = another.options();
    const run::Outcome outcome = start(world.ranks, world.degrees, make_nothing_of_it);
    EXPECT_EQ(outcome.reason, "all items done");
    std::vector<std::string> done = items_with(another.run(), Event::done);
    EXPECT_THAT(done, testing::UnorderedElementsAre("item0", "item1", "item2", "item3", "item4", "item5",
                                                    "item6", "item7"));
  }
}

TEST_F(ItemsPhaseTest, GivesUpAnItemThatFailsUntilItIsAskedForAgain) {
  const Make fail_item3 = [](int, const std::string& id) {
    if (id == "item3") throw Error{Category::numeric, "denoise"};
  };
  run::Outcome outcome = start(2, {}, fail_item3);
  EXPECT_EQ(outcome.exit, 2);
  EXPECT_EQ(outcome.counts.done, 7U);
  EXPECT_EQ(outcome.counts.failed, 1U);
  EXPECT_EQ(start(2, {}, make_nothing_of_it).counts.failed, 1U) << "given up";
  options.retry.failed = true;
  outcome = start(2, {}, make_nothing_of_it);
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_EQ(outcome.counts.done, 8U);
  std::vector<int> attempts;
  for (const results::Record& record : journal_of(job.run())) {
    if (record.item == "item3" && record.event == Event::start) attempts.push_back(record.attempt);
  }
  EXPECT_THAT(attempts, ElementsAre(1, 2));
}

TEST_F(ItemsPhaseTest, EndsAtMaxFails) {
  options.max_fails = 3;
  const run::Outcome outcome = start(1, {}, [](int, const std::string&) {
    throw Error{Category::memory, "decode"};
  });
  EXPECT_EQ(outcome.exit, 2);
  EXPECT_THAT(outcome.reason, HasSubstr("--max-fails 3"));
  EXPECT_GE(outcome.counts.failed, 3U);
  EXPECT_LE(outcome.counts.failed, 4U) << "one more may have been granted";
}

TEST_F(ItemsPhaseTest, FinishesWhatIsInHandWhenThereIsAStopFileAndResumes) {
  before_the_items = [this] { std::ofstream(job.run().stop_file()) << ""; };
  wait_for_a_stop = true;
  const run::Outcome outcome = start(3, {}, make_nothing_of_it);
  EXPECT_EQ(outcome.exit, 75);
  EXPECT_THAT(outcome.reason, HasSubstr("STOP is there"));
  EXPECT_EQ(sorted(Event::start), sorted(Event::done));
  EXPECT_LE(outcome.counts.done, 3U) << "one a group";
  EXPECT_EQ(outcome.counts.done + outcome.counts.left, 8U);

  std::filesystem::remove(job.run().stop_file());
  before_the_items = {};
  wait_for_a_stop = false;
  EXPECT_EQ(start(2, {.cfg = 2}, make_nothing_of_it).reason, "all items done");
  EXPECT_THAT(sorted(Event::done), SizeIs(8)) << "none twice";
}

TEST_F(ItemsPhaseTest, BeginsNothingInAnAllocationThatEndsTooSoon) {
  seconds_left = 19;  // a third of the grace is kept
  const run::Outcome outcome = start(4, {.cfg = 2}, make_nothing_of_it);
  EXPECT_EQ(outcome.exit, 75);
  EXPECT_THAT(outcome.reason, HasSubstr("no further item would be finished before the time limit"));
  EXPECT_THAT(sorted(Event::start), IsEmpty());
  EXPECT_EQ(outcome.counts.left, 8U);
}

TEST_F(ItemsPhaseTest, EndsOnAllRanksAlikeWhenAStoreFails) {
  before_the_items = [this] {
    std::filesystem::remove_all(job.run().parts());
    std::ofstream(job.run().parts()) << "no folder";
  };
  try {
    start(4, {.cfg = 2}, make_nothing_of_it);
    ADD_FAILURE() << "it came to its end";
  } catch (const dist::AgreedError& error) {
    EXPECT_EQ(error.category(), Category::io);
  }
  EXPECT_THAT(job.outcome_text(), HasSubstr(R"("exit":3)"));
  EXPECT_THAT(sorted(Event::failed), IsEmpty());
  EXPECT_EQ(run::read_outcome(job.run())->counts.left, 8U) << "all are to be done again";
}

TEST_F(ItemsPhaseTest, EndsWhenAnotherStartOwnsTheRunDirectoryAndLeavesItAlone) {
  std::once_flag once;
  try {
    start(2, {}, [&](int, const std::string&) {
      std::call_once(once, [&] { std::ofstream(job.run().epoch(2)) << R"({"pid":12,"host":"node7"})"; });
    });
    ADD_FAILURE() << "it came to its end";
  } catch (const dist::AgreedError& error) {
    EXPECT_THAT(error.what(), HasSubstr("another run has taken over"));
  }
  EXPECT_THAT(sorted(Event::done), IsEmpty());
  EXPECT_EQ(job.outcome_text(), "");
}

TEST_F(ItemsPhaseTest, EndsOnAllRanksAlikeWhenOneGroupCannotGoOn) {
  std::latch has_one{1};
  try {
    start(2, {}, [&](int rank, const std::string&) {
      if (rank == 1) {
        has_one.count_down();
        throw Error{Category::device, "denoise"};
      }
      has_one.wait();
    });
    ADD_FAILURE() << "it came to its end";
  } catch (const dist::AgreedError& error) {
    EXPECT_EQ(error.category(), Category::device);
    EXPECT_THAT(error.what(), HasSubstr("rank 1"));
  }
  EXPECT_THAT(sorted(Event::failed), IsEmpty());
}

}  // namespace
}  // namespace ditmill::jobs::engine
