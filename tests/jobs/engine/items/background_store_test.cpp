#include "jobs/engine/items/background_store.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "jobs/results/journal/reader.h"
#include "tests/jobs/engine/engine_support.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::engine {
namespace {

using results::Acknowledged;
using results::Event;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::chrono::hours long_enough{1};

struct BackgroundStoreTest : ::testing::Test {
  BackgroundStoreTest() {
    run.create();
    output.path = run.path();
    output.items_per_part = 1000;
  }

  results::GroupStore group_store(int epoch = 1) {
    return {run, epoch, 0, output, make_provenance(), results::SealLimits{.behind = true}};
  }
  static WorkItem work(int number) { return {.item = make_item(number)}; }
  static void start_and_add(BackgroundStore& store, int number) {
    const WorkItem item = work(number);
    store.start(item);
    store.add(item, make_finished(item.item));
  }
  static std::vector<std::string> ids(const std::vector<Acknowledged>& acknowledged) {
    std::vector<std::string> names;
    for (const Acknowledged& each : acknowledged) names.push_back(each.item);
    return names;
  }
  /// What is acknowledged as soon as something is.
  static std::vector<std::string> wait_for_some(BackgroundStore& store) {
    while (true) {
      if (const std::vector<Acknowledged> some = store.acknowledged(); !some.empty()) return ids(some);
      std::this_thread::yield();
    }
  }
  /// From now on no part can be written.
  void break_the_disk() const {
    std::filesystem::remove_all(run.parts());
    std::ofstream(run.parts()) << "no folder";
  }

  TempFolder folder;
  results::RunDirectory run{folder.path() + "/run"};
  results::OutputConfig output;
};

TEST_F(BackgroundStoreTest, DoesAllThatWasAskedInThatOrderBeforeItFinishes) {
  results::GroupStore group = group_store();
  BackgroundStore store(group);
  start_and_add(store, 1);
  store.start(work(2));
  store.failed(work(2), Error{Category::numeric, "not finite"});
  start_and_add(store, 3);
  EXPECT_THAT(ids(store.finish()), ElementsAre("item1", "item3"));
  std::vector<std::string> said;
  for (const results::Record& record : journal_of(run)) {
    said.push_back(record.item + " " + std::string{results::name(record.event)});
  }
  EXPECT_THAT(said, ElementsAre("item1 start", "item2 start", "item2 failed", "item3 start", "item1 done",
                                "item3 done"));
}

TEST_F(BackgroundStoreTest, SaysOnceWhatIsAcknowledged) {
  output.items_per_part = 1;
  results::GroupStore group = group_store();
  BackgroundStore store(group);
  start_and_add(store, 1);
  EXPECT_THAT(wait_for_some(store), ElementsAre("item1"));
  EXPECT_THAT(store.acknowledged(), IsEmpty());
  EXPECT_THAT(store.finish(), IsEmpty());
}

TEST_F(BackgroundStoreTest, SealsAnOpenPartWhenItIsTold) {
  results::GroupStore group = group_store();
  BackgroundStore store(group);
  start_and_add(store, 1);
  store.seal_soon();
  EXPECT_THAT(wait_for_some(store), ElementsAre("item1"));
}

TEST_F(BackgroundStoreTest, GoesOnAfterASeal) {
  results::GroupStore group = group_store();
  BackgroundStore store(group);
  start_and_add(store, 1);
  store.seal_soon();
  start_and_add(store, 2);
  EXPECT_THAT(ids(store.finish()), ElementsAre("item1", "item2"));
}

TEST_F(BackgroundStoreTest, DropsWhatIsOpenWithoutAFinish) {
  {
    results::GroupStore group = group_store();
    BackgroundStore store(group);
    start_and_add(store, 1);
  }
  EXPECT_THAT(items_with(run, Event::done), IsEmpty());
}

TEST_F(BackgroundStoreTest, SealsWhatIsFinishedAndJournalsWhatIsInHandWhenItStops) {
  results::GroupStore group = group_store();
  BackgroundStore store(group);
  start_and_add(store, 1);
  store.start(work(2));
  WorkItem again = work(3);
  again.attempt = 2;
  EXPECT_THAT(ids(store.stop({work(2), again}, "SIGTERM at rank 0", long_enough)), ElementsAre("item1"));
  EXPECT_THAT(items_with(run, Event::done), ElementsAre("item1"));
  EXPECT_THAT(items_with(run, Event::stopped), ElementsAre("item2", "item3"));
  const std::vector<results::Record> records = journal_of(run);
  EXPECT_EQ(records.back().item, "") << "the group itself";
  EXPECT_EQ(records[records.size() - 2].attempt, 2);
  for (const results::Record& record : records) {
    EXPECT_EQ(record.reason, record.event == Event::stopped ? "SIGTERM at rank 0" : "");
  }
}

TEST_F(BackgroundStoreTest, StopsOnce) {
  results::GroupStore group = group_store();
  BackgroundStore store(group);
  store.stop({work(1)}, "first", long_enough);
  EXPECT_THAT(store.stop({work(2)}, "second", long_enough), IsEmpty());
  store.seal_soon();
  EXPECT_THAT(items_with(run, Event::stopped), ElementsAre("item1"));
}

TEST_F(BackgroundStoreTest, ThrowsWhatEndedItFromEveryLaterCall) {
  break_the_disk();
  results::GroupStore group = group_store();
  BackgroundStore store(group);
  start_and_add(store, 1);
  const auto fails = [](const std::function<void()>& call) {
    try {
      call();
      ADD_FAILURE() << "it goes on";
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::io);
      EXPECT_THAT(error.what(), HasSubstr("/parts"));
    }
  };
  fails([&] { store.finish(); });
  fails([&] { store.start(work(2)); });
  fails([&] { store.add(work(1), make_finished(make_item(1))); });
  fails([&] { store.failed(work(2), Error{Category::numeric, "not finite"}); });
  fails([&] { store.acknowledged(); });
  fails([&] { store.finish(); });
  fails([&] { store.stop({}, "SIGTERM", long_enough); });
  store.seal_soon();  // asks for nothing
  EXPECT_THAT(items_with(run, Event::start), ElementsAre("item1"));
  EXPECT_THAT(items_with(run, Event::done), IsEmpty());
}

TEST_F(BackgroundStoreTest, TellsOfAFailureWhenNobodyAsksItForAnything) {
  break_the_disk();
  results::GroupStore group = group_store();
  BackgroundStore store(group);
  start_and_add(store, 1);
  store.seal_soon();
  EXPECT_THROW(wait_for_some(store), Error);
}

TEST_F(BackgroundStoreTest, FailsToStopInOrderOnADiskThatIsGone) {
  results::GroupStore group = group_store();
  BackgroundStore store(group);
  start_and_add(store, 1);
  break_the_disk();
  EXPECT_THROW(store.stop({work(2)}, "SIGTERM", long_enough), Error);
  EXPECT_THAT(items_with(run, Event::done), IsEmpty());
}

TEST_F(BackgroundStoreTest, SealsNothingOnceAnotherStartOwnsTheRunDirectory) {
  results::GroupStore group = group_store();
  BackgroundStore store(group);
  start_and_add(store, 1);
  std::ofstream(run.epoch(2)) << R"({"pid":12,"host":"node7"})";
  try {
    store.finish();
    ADD_FAILURE() << "it sealed";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("another run has taken over"));
  }
  EXPECT_THAT(items_with(run, Event::done), IsEmpty());
}

}  // namespace
}  // namespace ditmill::jobs::engine
