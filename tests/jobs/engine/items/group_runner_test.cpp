#include "jobs/engine/items/group_runner.h"

#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <deque>
#include <filesystem>
#include <fstream>
#include <latch>
#include <mutex>
#include <thread>

#include "dist/comm/agree.h"
#include "dist/comm/threads.h"
#include "tests/jobs/engine/engine_support.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::engine {
namespace {

using results::Event;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;

WorkItem work(int number, bool alone = false) {
  return {.item = make_item(number), .attempt = 1, .alone = alone};
}

Grant of(std::initializer_list<int> numbers) {
  Grant grant;
  for (const int number : numbers) grant.items.push_back(work(number));
  return grant;
}

constexpr std::chrono::hours long_enough{1};

/// One group whose coordinator is the test, on the group's own thread: what the group has said is looked at,
/// and answered, whenever it waits or makes an item.
struct GroupRunnerTest : ::testing::Test {
  using Make = std::function<void(int number)>;

  GroupRunnerTest() {
    run.create();
    output.path = run.path();
    output.items_per_part = 1000;  // so that nothing is sealed before the end, unless it is told to be
    pipeline.guidance_scale = 1;
  }

  /// A group of one rank, from its first word to its last; what it threw.
  std::optional<Error> work_on(const std::vector<Grant>& grants, const Make& make,
                               const std::function<void(GroupRunner&)>& meanwhile = {}) {
    std::optional<Error> failure;
    dist::run_on_threads(1, [&](const dist::Communicator& comm) {
      script = {grants.begin(), grants.end()};
      MadeUpClips clips(
          [&](const configs::Request& request) {
            hear(comm);
            note("making " + request.id);
            make(static_cast<int>(request.seed));
          },
          at_once);
      std::optional<results::GroupStore> store;
      store.emplace(run, 1, 0, output, make_provenance());
      const dist::ParallelContext alone{dist::Mesh{1, {}}, 0};
      GroupRunner runner{alone,
                         {.coordinator = &comm,
                          .store = &*store,
                          .texts = texts,
                          .generator = &clips,
                          .seams = {.tell = [](std::string_view) {},
                                    .wait = [&](std::string_view) { hear(comm); },
                                    .abandon = {},
                                    .hold = [](std::span<const std::string>) {}},
                          .stop = &stop,
                          .now = [this] { return now.load(); }},
                         pipeline,
                         output};
      the_comm = &comm;
      std::optional<std::jthread> other;
      if (meanwhile) other.emplace([&] { meanwhile(runner); });
      failure = dist::failure_of([&] { runner.run(); });
      other.reset();
      batches = clips.batches();
      hear(comm);
    });
    return failure;
  }

  void note(const std::string& what) {
    const std::scoped_lock lock(mutex);
    log.push_back(what);
  }
  /// Notes what the group has said since, and answers.
  void hear(const dist::Communicator& comm) {
    while (const auto arrived = receive_from_groups(comm)) {
      note(describe(arrived->second));
      if (arrived->second.error) fatal = arrived->second.error;
      if (arrived->second.kind == GroupMessage::Kind::ask) grant_next(comm);
    }
  }
  /// What is next in the script; nothing more after it. A stop comes after what is granted.
  void grant_next(const dist::Communicator& comm) {
    Grant grant;
    if (!script.empty()) {
      grant = script.front();
      script.pop_front();
    }
    const bool then_stop = std::exchange(grant.stop, false);
    send_grant(comm, 0, grant);
    if (then_stop) send_grant(comm, 0, {.items = {}, .stop = true});
  }

  TempFolder folder;
  results::RunDirectory run{folder.path() + "/run"};
  results::OutputConfig output;
  configs::PipelineConfig pipeline;
  TextSource texts = made_up_texts();
  std::size_t at_once = 1;
  std::atomic<StopSwitch::Clock::time_point> now{StopSwitch::Clock::time_point{}};  ///< turned by the test
  StopSwitch stop{[this] { return now.load(); }};
  std::deque<Grant> script;
  const dist::Communicator* the_comm = nullptr;
  std::mutex mutex;
  std::vector<std::string> log;      ///< what was made and said, in its order
  std::vector<std::size_t> batches;  ///< how many items were made together
  std::optional<Error> fatal;
};

void make_nothing_of_it(int /*number*/) {}

TEST_F(GroupRunnerTest, AsksForMoreBeforeTheLastItemOfItsGrantAndLeavesWhenThereIsNothing) {
  EXPECT_FALSE(work_on({of({1, 2}), of({3})}, make_nothing_of_it));
  EXPECT_THAT(log, ElementsAre("ask", "making item1", "ask", "making item2", "ask", "making item3", "done 3",
                               "leave"));
  EXPECT_THAT(items_with(run, Event::start), ElementsAre("item1", "item2", "item3"));
  EXPECT_THAT(items_with(run, Event::done), ElementsAre("item1", "item2", "item3"));
}

TEST_F(GroupRunnerTest, JournalsTheAttemptThatItWasGranted) {
  Grant again = of({1});
  again.items[0].attempt = 3;
  EXPECT_FALSE(work_on({again}, make_nothing_of_it));
  for (const results::Record& record : journal_of(run)) EXPECT_EQ(record.attempt, 3);
}

TEST_F(GroupRunnerTest, FailsAnItemForWhatFollowsFromItAndGoesOn) {
  for (const Category category : {Category::numeric, Category::memory, Category::bad_input,
                                  Category::unsupported, Category::internal}) {
    SCOPED_TRACE(name(category));
    log.clear();
    std::filesystem::remove_all(run.path());
    run.create();
    EXPECT_FALSE(work_on({of({1, 2, 3})}, [&](int number) {
      if (number == 2) throw Error{category, "denoise"};
    }));
    EXPECT_THAT(log, ElementsAre("ask", "making item1", "making item2", "failed 1", "ask", "making item3",
                                 "done 2", "leave"));
    EXPECT_THAT(items_with(run, Event::done), ElementsAre("item1", "item3"));
    EXPECT_THAT(items_with(run, Event::failed), ElementsAre("item2"));
    for (const results::Record& record : journal_of(run)) {
      if (record.event != Event::failed) continue;
      EXPECT_THAT(record.reason, testing::StartsWith(std::string{name(category)} + ": denoise"));
    }
  }
}

TEST_F(GroupRunnerTest, EndsTheJobForWhatIsNotTheItemsFaultAndFailsNoItem) {
  for (const Category category :
       {Category::io, Category::no_space, Category::device, Category::communication}) {
    SCOPED_TRACE(name(category));
    log.clear();
    std::filesystem::remove_all(run.path());
    run.create();
    const std::optional<Error> failure = work_on({of({1, 2})}, [&](int) {
      throw Error{category, "denoise"};
    });
    ASSERT_TRUE(failure && fatal);
    EXPECT_EQ(failure->category(), category);
    EXPECT_EQ(fatal->category(), category);
    EXPECT_THAT(log, ElementsAre("ask", "making item1", "fatal", "leave"));
    EXPECT_THAT(items_with(run, Event::failed), IsEmpty());
    EXPECT_THAT(items_with(run, Event::done), IsEmpty());
  }
}

TEST_F(GroupRunnerTest, TakesTheAnswerThatIsUnderWayBeforeItEndsTheJob) {
  EXPECT_TRUE(work_on({of({1}), of({2})}, [](int) { throw Error{Category::device, "denoise"}; }));
  EXPECT_THAT(log, ElementsAre("ask", "ask", "making item1", "fatal", "leave")) << "item2 is not begun";
}

TEST_F(GroupRunnerTest, FindsOutWhichItemOfSeveralFailed) {
  at_once = 3;
  EXPECT_FALSE(work_on({of({1, 2, 3})}, [](int number) {
    if (number == 2) throw Error{Category::numeric, "denoise"};
  }));
  EXPECT_THAT(log, ElementsAre("ask", "ask", "making item1", "making item2",  // together
                               "making item1", "making item2",                // in halves
                               "making item2", "making item3",                // each by itself
                               "failed 1", "done 2", "leave"));
  EXPECT_THAT(batches, ElementsAre(3, 1, 2, 1, 1));
}

TEST_F(GroupRunnerTest, MakesAnItemThatIsToBeAloneWithNoOtherBesideIt) {
  at_once = 2;
  Grant grant;
  for (const int number : {1, 2, 3, 4, 5}) grant.items.push_back(work(number, number == 2));
  EXPECT_FALSE(work_on({grant}, make_nothing_of_it));
  EXPECT_THAT(batches, ElementsAre(1, 1, 2, 1));
}

TEST_F(GroupRunnerTest, EndsItsGrantWhenTheCoordinatorSaysStop) {
  Grant grant = of({1, 2, 3});
  grant.stop = true;
  EXPECT_FALSE(work_on({grant}, make_nothing_of_it));
  EXPECT_THAT(log, ElementsAre("ask", "ask", "leave"));
  EXPECT_THAT(journal_of(run), IsEmpty());
}

TEST_F(GroupRunnerTest, FinishesTheItemInHandWhenTheCoordinatorSaysStop) {
  EXPECT_FALSE(
      work_on({of({1, 2, 3})}, [this](int) { send_grant(*the_comm, 0, {.items = {}, .stop = true}); }));
  EXPECT_THAT(log, ElementsAre("ask", "making item1", "ask", "done 1", "leave"));
  EXPECT_THAT(items_with(run, Event::start), ElementsAre("item1"));
}

TEST_F(GroupRunnerTest, FinishesTheItemInHandWhenTheRunStopsAndJournalsWhy) {
  EXPECT_FALSE(work_on({of({1, 2, 3})}, [this](int) { stop.stop("STOP is there", long_enough); }));
  EXPECT_THAT(log, ElementsAre("ask", "making item1", "ask", "done 1", "leave"));
  EXPECT_THAT(items_with(run, Event::start), ElementsAre("item1"));
  const results::Record last = journal_of(run).back();
  EXPECT_EQ(last.event, Event::stopped);
  EXPECT_EQ(last.reason, "STOP is there");
  EXPECT_EQ(last.item, "") << "it is the group that stopped";
}

TEST_F(GroupRunnerTest, BeginsNothingThatTheTimeLimitWouldEndAndGivesItBack) {
  stop.set_last_moment(now.load() + seconds{150});
  EXPECT_FALSE(work_on({of({1, 2, 3})}, [this](int) { now = now.load() + seconds{100}; }));
  EXPECT_THAT(log, ElementsAre("ask", "making item1", "late 2", "done 1", "leave"));
  EXPECT_THAT(items_with(run, Event::start), ElementsAre("item1"));
}

TEST_F(GroupRunnerTest, EncodesNoTextOfAWindowThatItWillNotBegin) {
  stop.set_last_moment(now.load());
  texts = made_up_texts([this](const std::string& text) { note("encoding " + text); });
  texts.ahead = true;
  EXPECT_FALSE(work_on({of({1, 2})}, make_nothing_of_it));
  EXPECT_THAT(log, ElementsAre("ask", "late 2", "leave"));
}

TEST_F(GroupRunnerTest, EncodesEachTextOfAWindowOnceBeforeItsFirstItem) {
  Grant grant = of({1, 2, 3});
  for (WorkItem& each : grant.items) {
    each.item.request.prompt = each.item.request.seed == 2 ? "a dog" : "a cat";
    each.item.request.negative_prompt = "blur";
  }
  texts = made_up_texts([this](const std::string& text) { note("encoding " + text); });
  texts.encodings.push_back({"text_encoder", "negative_prompt", models::Use::negative});
  texts.ahead = true;
  texts.cache_bytes = 1 << 20;
  EXPECT_FALSE(work_on({grant}, make_nothing_of_it));
  EXPECT_THAT(log, ElementsAre("ask", "encoding a cat", "encoding blur", "encoding a dog", "making item1",
                               "making item2", "ask", "making item3", "done 3", "leave"));
}

TEST_F(GroupRunnerTest, FailsTheItemWhoseTextCannotBeEncodedAndNoOther) {
  texts = made_up_texts([](const std::string& text) {
    if (text == make_item(1).request.prompt) throw Error{Category::bad_input, "encode a text"};
  });
  texts.ahead = true;
  EXPECT_FALSE(work_on({of({1, 2})}, make_nothing_of_it));
  EXPECT_THAT(log, ElementsAre("ask", "failed 1", "ask", "making item2", "done 1", "leave"));
  EXPECT_THAT(items_with(run, Event::failed), ElementsAre("item1"));
}

TEST_F(GroupRunnerTest, EndsTheJobWhenItsStoreFails) {
  // As where the disk is gone: no part can be made.
  std::filesystem::remove_all(run.parts());
  std::ofstream(run.parts()) << "no folder";
  const std::optional<Error> failure = work_on({of({1, 2})}, make_nothing_of_it);
  ASSERT_TRUE(failure && fatal);
  EXPECT_EQ(failure->category(), Category::io);
  EXPECT_STREQ(fatal->what(), failure->what());
  EXPECT_THAT(log, ElementsAre("ask", "making item1", "ask", "making item2", "fatal", "leave"));
  EXPECT_THAT(items_with(run, Event::done), IsEmpty());
  EXPECT_THAT(items_with(run, Event::failed), IsEmpty()) << "it is not the items' fault";
}

TEST_F(GroupRunnerTest, AcknowledgesNothingOnceAnotherStartOwnsTheRunDirectory) {
  const std::optional<Error> failure = work_on({of({1, 2})}, [this](int number) {
    if (number == 2) std::ofstream(run.epoch(2)) << R"({"pid":12,"host":"node7"})";
  });
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->category(), Category::io);
  EXPECT_THAT(failure->what(), HasSubstr("another run has taken over"));
  EXPECT_THAT(log, ElementsAre("ask", "making item1", "ask", "making item2", "fatal", "leave"));
  EXPECT_THAT(items_with(run, Event::done), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(run.path() + "/" + results::RunDirectory::part(1, 0, 1)));
}

/// A group that is at an item when others look at it. In a run the process then ends; here the item does.
struct GroupRunnerInHand : GroupRunnerTest {
  /// Item 1 is finished, and item 2 in hand, while `meanwhile` runs.
  std::optional<Error> with_item_2_in_hand(const std::function<void(GroupRunner&)>& meanwhile) {
    return work_on(
        {of({1, 2, 3})},
        [&](int number) {
          if (number == 1) now = now.load() + seconds{100};
          if (number != 2) return;
          at_it.count_down();
          let_go.wait();
          if (dropped) throw Error{Category::communication, "go on after the end of all ranks"};
        },
        [&](GroupRunner& runner) {
          at_it.wait();
          meanwhile(runner);
          hear(*the_comm);
          let_go.count_down();
        });
  }

  std::latch at_it{1};
  std::latch let_go{1};
  bool dropped = false;
};

TEST_F(GroupRunnerInHand, DropsItSealsWhatIsFinishedAndIsGone) {
  with_item_2_in_hand([this](GroupRunner& runner) {
    dropped = true;
    runner.drop("SIGTERM at rank 0", long_enough);
    runner.drop("again", long_enough);
    hear(*the_comm);
    EXPECT_THAT(log, ElementsAre("ask", "making item1", "making item2", "done 1", "drop"));
    EXPECT_THAT(items_with(run, Event::done), ElementsAre("item1"));
    EXPECT_THAT(items_with(run, Event::stopped), ElementsAre("item2"));
    const results::Record last = journal_of(run).back();
    EXPECT_EQ(last.event, Event::stopped);
    EXPECT_EQ(last.reason, "SIGTERM at rank 0");
  });
  EXPECT_THAT(log, testing::Not(testing::Contains("leave"))) << "it has left by dropping";
  EXPECT_THAT(items_with(run, Event::failed), IsEmpty());
}

TEST_F(GroupRunnerInHand, KeepsItWhileItCanBeFinishedBeforeTheDeadlineAndDropsItAfter) {
  with_item_2_in_hand([this](GroupRunner& runner) {
    runner.drop_what_is_late();
    EXPECT_THAT(items_with(run, Event::stopped), IsEmpty()) << "nothing stops";
    stop.stop("SIGUSR2", seconds{100});
    runner.drop_what_is_late();
    EXPECT_THAT(items_with(run, Event::stopped), IsEmpty()) << "it takes as long as there is time";
    now = now.load() + seconds{100};
    dropped = true;
    runner.drop_what_is_late();
    EXPECT_THAT(items_with(run, Event::stopped), ElementsAre("item2"));
  });
}

TEST_F(GroupRunnerInHand, DropsItAtOnceIfMeasuredTimesSayThatItWillNotFit) {
  with_item_2_in_hand([this](GroupRunner& runner) {
    dropped = true;
    stop.stop("SIGUSR2", seconds{99});
    runner.drop_what_is_late();
    EXPECT_THAT(items_with(run, Event::stopped), ElementsAre("item2"));
  });
}

TEST_F(GroupRunnerInHand, SealsWhatIsFinishedWhenItIsWarnedAndGoesOn) {
  const std::optional<Error> failure = with_item_2_in_hand([this](GroupRunner& runner) {
    runner.seal_soon();
    wait_until_done(run, "item1");
    EXPECT_THAT(items_with(run, Event::done), ElementsAre("item1"));
  });
  EXPECT_FALSE(failure);
  EXPECT_THAT(items_with(run, Event::done), ElementsAre("item1", "item2", "item3"));
}

/// A group of two ranks; the coordinator is the test, as above.
struct GroupOfTwo : GroupRunnerTest {
  using Make = std::function<void(int rank, int number)>;

  void work_on(const std::vector<Grant>& grants, const Make& make) {
    dist::run_on_threads(2, [&](const dist::Communicator& world) {
      const int rank = world.rank();
      const auto mine = static_cast<std::size_t>(rank);
      const dist::Communicator items = world.split(0, rank, dist::Purpose::plan);
      const dist::ParallelContext parallel{dist::Mesh{2, {.cfg = 2}}, world};
      std::optional<results::GroupStore> store;
      if (rank == 0) {
        script = {grants.begin(), grants.end()};
        store.emplace(run, 1, 0, output, make_provenance());
      }
      MadeUpClips clips([&](const configs::Request& request) {
        made[mine].push_back(request.id);
        if (rank == 0) hear(items);
        make(rank, static_cast<int>(request.seed));
      });
      GroupRunner runner{parallel,
                         {.coordinator = &items,
                          .store = store ? &*store : nullptr,
                          .texts = texts,
                          .generator = &clips,
                          .seams = {.tell = [](std::string_view) {},
                                    .wait =
                                        [&](std::string_view) {
                                          if (rank == 0) hear(items);
                                        },
                                    .abandon =
                                        [&](const Error& error) {
                                          abandoned[mine] = error;
                                          throw Error{error};  // in a run it does not return
                                        },
                                    .hold = [](std::span<const std::string>) {}},
                          .stop = &stops[mine]},
                         pipeline,
                         output};
      failures[mine] = dist::failure_of([&] { runner.run(); });
      if (rank == 0) hear(items);
      if (failures[mine]) throw Error{*failures[mine]};  // frees who waits for this rank
    });
  }

  std::array<std::vector<std::string>, 2> made;
  std::array<std::optional<Error>, 2> abandoned;
  std::array<std::optional<Error>, 2> failures;
  std::array<StopSwitch, 2> stops;
};

TEST_F(GroupOfTwo, MakesEachItemTogetherAndStoresItOnce) {
  work_on({of({1, 2})}, [](int, int) {});
  EXPECT_THAT(made, testing::Each(ElementsAre("item1", "item2")));
  EXPECT_THAT(log, ElementsAre("ask", "ask", "done 2", "leave"));
  EXPECT_THAT(items_with(run, Event::done), ElementsAre("item1", "item2"));
}

TEST_F(GroupOfTwo, FailsOnceAnItemThatFailsOnAllRanksAlike) {
  work_on({of({1, 2})}, [](int, int number) {
    if (number == 1) throw Error{Category::numeric, "denoise"};
  });
  EXPECT_THAT(made, testing::Each(ElementsAre("item1", "item2")));
  EXPECT_THAT(log, ElementsAre("ask", "failed 1", "ask", "done 1", "leave"));
}

TEST_F(GroupOfTwo, BeginsNoFurtherItemOnAnyRankOnceItsFirstIsToldToStop) {
  work_on({of({1, 2})}, [this](int rank, int) {
    if (rank == 0) stops[0].stop("SIGUSR2", long_enough);
  });
  EXPECT_THAT(made, testing::Each(ElementsAre("item1")));
}

TEST_F(GroupOfTwo, IsStoppedByItsFirstRankAlone) {
  stops[1].stop("SIGUSR2", long_enough);  // its first has not heard of it yet
  work_on({of({1, 2})}, [](int, int) {});
  EXPECT_THAT(made, testing::Each(ElementsAre("item1", "item2")));
}

TEST_F(GroupOfTwo, AgreesThatTheTimeLimitComesFirst) {
  stops[0].set_last_moment(StopSwitch::Clock::time_point{});
  work_on({of({1, 2})}, [](int, int) {});
  EXPECT_THAT(made, testing::Each(IsEmpty()));
  EXPECT_THAT(log, ElementsAre("ask", "late 2", "leave"));
}

TEST_F(GroupOfTwo, EndsTheJobOnBothRanksWhenTheStoreOfTheFirstFails) {
  std::filesystem::remove_all(run.parts());
  std::ofstream(run.parts()) << "no folder";
  EXPECT_THROW(work_on({of({1, 2})}, [](int, int) {}), Error);
  ASSERT_TRUE(failures[0] && failures[1]);
  EXPECT_EQ(failures[0]->category(), Category::io);
  EXPECT_STREQ(failures[0]->what(), failures[1]->what());
  EXPECT_THAT(log, ElementsAre("ask", "ask", "fatal", "leave"));
}

TEST_F(GroupOfTwo, AbandonsTheJobWhereOneRankFailsAlone) {
  EXPECT_THROW(work_on({of({1})},
                       [](int rank, int) {
                         if (rank == 1) throw Error{Category::memory, "denoise"};
                       }),
               Error);
  ASSERT_TRUE(abandoned[1]);
  EXPECT_EQ(abandoned[1]->category(), Category::memory);
  EXPECT_FALSE(abandoned[0]);
  EXPECT_THAT(items_with(run, Event::failed), IsEmpty()) << "the others cannot know";
  EXPECT_THAT(items_with(run, Event::done), IsEmpty());
}

}  // namespace
}  // namespace ditmill::jobs::engine
