#include "jobs/run/crashes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "dist/liveness/fatal_signals.h"
#include "dist/liveness/process.h"
#include "dist/liveness/rank_state.h"
#include "registry/digest.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs::run {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A rank of epoch 3 that has items in hand and then does what it is told, in a process of its own.
void rank_dies(const results::RunDirectory& run, int rank, const std::vector<std::string>& items,
               const std::function<void(dist::RankState&)>& does) {
  const pid_t child = ::fork();
  if (child == 0) {
    dist::RankState state(rank);
    state.publish(run.status(3));
    state.take(items);
    does(state);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
}

struct CrashesTest : ::testing::Test {
  tests::TempFolder temp;
  results::RunDirectory run{temp / "run"};
  std::string host = dist::this_process().host;

  void found_dead(int rank) {
    dist::note_death(run.status(3), dist::read_report(run.status(3), host, rank).value());
  }
};

TEST_F(CrashesTest, NameARankThatNotedItsOwnFatalSignal) {
  rank_dies(run, 2, {"tabby", "lynx"}, [](dist::RankState& state) {
    const dist::FatalSignals signals{state};
    std::raise(SIGSEGV);
  });
  const std::vector<Crash> crashes = read_crashes(run, 4);
  ASSERT_THAT(crashes, SizeIs(1));
  EXPECT_EQ(crashes[0].epoch, 3);
  EXPECT_THAT(crashes[0].how, HasSubstr("rank 2"));
  EXPECT_THAT(crashes[0].how, HasSubstr("died of SIGSEGV in epoch 3"));
  EXPECT_THAT(crashes[0].items, ElementsAre("tabby", "lynx"));
  EXPECT_THAT(read_crashes(run, 3), IsEmpty()) << "the epoch's own";
}

TEST_F(CrashesTest, NameARankThatAnotherFoundDeadAndNotTheOthers) {
  for (const int rank : {0, 1, 2}) {
    rank_dies(run, rank, {"item-" + std::to_string(rank)},
              [](dist::RankState&) { ::kill(::getpid(), SIGKILL); });
  }
  EXPECT_THAT(read_crashes(run, 4), IsEmpty()) << "all killed at once: nobody was left to find one dead";
  found_dead(1);
  ASSERT_THAT(read_crashes(run, 4), SizeIs(1));
  EXPECT_THAT(read_crashes(run, 4)[0].items, ElementsAre("item-1"));
}

TEST_F(CrashesTest, AreTheFirstOfAnEpoch) {
  rank_dies(run, 0, {"later"}, [](dist::RankState& state) {
    ::usleep(20'000);
    state.die_of(SIGABRT);
    ::kill(::getpid(), SIGKILL);
  });
  rank_dies(run, 1, {"last"}, [](dist::RankState&) { ::kill(::getpid(), SIGKILL); });
  ::usleep(20'000);
  found_dead(1);
  ASSERT_THAT(read_crashes(run, 4), SizeIs(1));
  EXPECT_THAT(read_crashes(run, 4)[0].items, ElementsAre("later"));
}

TEST_F(CrashesTest, AreNoneWhereThereIsNoRun) { EXPECT_THAT(read_crashes(run, 4), IsEmpty()); }

/// The start of epoch 7, with three items of which nothing is journalled yet.
struct CrashRecordsTest : ::testing::Test {
  CrashRecordsTest() { items.set_keys(requests::ItemKeys{requests::job_identity({}, {})}); }

  std::string key(std::size_t index) const { return registry::hex(items.packed()[index].key); }
  void journal(std::size_t index, results::Event event, int attempt) {
    states.take(1, {.event = event,
                    .item = std::string{items.packed()[index].id},
                    .key = key(index),
                    .attempt = attempt});
  }
  std::vector<results::Record> records(const std::vector<Crash>& crashes) {
    return crash_records(crashes, items, states, 7);
  }
  static std::vector<std::string> texts(const std::vector<results::Record>& records) {
    std::vector<std::string> texts;
    for (const results::Record& record : records) {
      const std::string event =
          record.event == results::Event::crashed ? "crashed" : std::string{name(record.event)};
      texts.push_back(record.item + " " + std::to_string(record.attempt) + " " + event + ": " +
                      record.reason);
    }
    return texts;
  }

  static requests::Item asked(const std::string& id) { return {.request = {.id = id, .prompt = "a " + id}}; }
  requests::ItemList items{asked("tabby"), asked("lynx"), asked("puma")};
  results::ItemStates states;
};

TEST_F(CrashRecordsTest, AreACrashOfEachItemInHandInItsLastAttempt) {
  journal(1, results::Event::start, 1);
  journal(1, results::Event::failed, 1);
  journal(1, results::Event::start, 2);
  const std::vector<results::Record> found =
      records({{.epoch = 3, .how = "rank 2 died", .items = {"lynx", "puma", "dropped from the list"}}});
  EXPECT_THAT(texts(found), ElementsAre("lynx 2 crashed: rank 2 died", "puma 1 crashed: rank 2 died"));
  EXPECT_EQ(found.at(0).key, key(1));
  EXPECT_NEAR(found.at(0).time, results::journal_time(), 60);
  EXPECT_EQ(states.at(key(1)).crashes, 1);
  EXPECT_EQ(states.at(key(1)).event, results::Event::crashed);
  EXPECT_FALSE(states.contains(key(0)));
}

TEST_F(CrashRecordsTest, LeaveADoneItemAlone) {
  journal(0, results::Event::done, 1);
  EXPECT_THAT(records({{.epoch = 3, .how = "rank 2 died", .items = {"tabby"}}}), IsEmpty());
  EXPECT_EQ(states.at(key(0)).event, results::Event::done);
  EXPECT_EQ(states.at(key(0)).crashes, 0);
}

TEST_F(CrashRecordsTest, GiveAnItemUpAtTheThirdCrashAndCountAnewFromThere) {
  const auto crash = [](int epoch) {
    return Crash{.epoch = epoch, .how = "rank " + std::to_string(epoch) + " died", .items = {"tabby"}};
  };
  records({crash(3)});
  EXPECT_THAT(
      texts(records({crash(4), crash(5), crash(6)})),
      ElementsAre("tabby 1 crashed: rank 4 died", "tabby 1 crashed: rank 5 died",
                  "tabby 1 quarantined: it was in hand of 3 ranks when they died; the last: rank 5 died",
                  "tabby 1 crashed: rank 6 died"));
  EXPECT_EQ(states.at(key(0)).crashes, 1);
}

TEST_F(CrashRecordsTest, AreNoneWithoutACrash) { EXPECT_THAT(records({}), IsEmpty()); }

}  // namespace
}  // namespace ditmill::jobs::run
