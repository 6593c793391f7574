#include "jobs/engine/authority/authority.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "jobs/results/journal/writer.h"
#include "jobs/results/listing/listing.h"
#include "tests/jobs/engine/engine_support.h"
#include "tests/jobs/engine/rehearsal.h"

namespace ditmill::jobs::engine {
namespace {

using results::Event;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

struct AuthorityTest : ::testing::Test {
  AuthorityTest() {
    job.write_manifest();
    job.write_list(3);
  }

  /// A start that finishes the items of these indices, to its end.
  run::Outcome start(const std::vector<std::size_t>& items) const {
    Authority authority = job.authority();
    authority.settle(nullptr, at::kCPU);
    job.finish_items(authority, items);
    return authority.conclude(nullptr);
  }
  /// Why a start of the job as it is now is refused.
  std::string refusal(const plan::RunOptions& options) const {
    try {
      const Authority authority = job.authority(options);
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::usage);
      return error.what();
    }
    return "none";
  }
  static std::vector<std::string> pending(const Authority& authority) {
    std::vector<std::string> ids;
    for (const run::PendingItem& each : authority.pending())
      ids.push_back(authority.items()[each.item].request.id);
    return ids;
  }

  Rehearsal job;
};

void take_over(const results::RunDirectory& run, int epoch) {
  std::ofstream(run.epoch(epoch)) << R"({"pid":12,"host":"node7"})";
}

/// What is said of a CPU as the job looks for components in bfloat16.
struct TakeCpuTest : AuthorityTest {
  std::vector<std::string> said_of(const models::CpuKind& cpu, const std::string& pipeline) const {
    job.write_manifest(pipeline);
    Authority authority = job.authority();
    const CapturedLog log;
    authority.take_cpu(cpu);
    return log.lines();
  }
  const models::CpuKind without{.wide = false, .native_bfloat16 = false};
};

TEST_F(TakeCpuTest, WarnsInOneLineOfBfloat16WhereTheCpuHasNone) {
  EXPECT_THAT(
      said_of(without, "{}"),
      ElementsAre(
          AllOf(StartsWith("warning: text_encoder, transformer in bfloat16: this CPU has no native bfloat16"),
                HasSubstr("float32 is several times faster"), HasSubstr("pipeline.dtype: float32"))));
}

TEST_F(TakeCpuTest, NamesTheComponentsThatAreInBfloat16) {
  EXPECT_THAT(
      said_of(without, R"({"components": {"dit": {"dtype": "float32"}, "vae": {"dtype": "bfloat16"}}})"),
      ElementsAre(StartsWith("warning: text_encoder, vae in bfloat16:")));
}

TEST_F(TakeCpuTest, SaysNothingOfACpuThatHasIt) {
  EXPECT_THAT(said_of({.wide = true, .native_bfloat16 = true}, "{}"), IsEmpty());
}

TEST_F(TakeCpuTest, SaysNothingOfAJobInFloat32) {
  EXPECT_THAT(said_of(without, R"({"dtype": "float32"})"), IsEmpty());
}

TEST_F(AuthorityTest, ConcludesWithWhatTheJournalsSay) {
  const run::Outcome outcome = start({0, 2});
  EXPECT_EQ(outcome.exit, 75);
  EXPECT_EQ(outcome.counts.done, 2U);
  EXPECT_EQ(outcome.counts.left, 1U);
  EXPECT_THAT(job.outcome_text(), AllOf(HasSubstr(R"("done":2)"), HasSubstr(R"("epoch":1)")));
  EXPECT_TRUE(std::filesystem::exists(job.run().index()));
}

TEST_F(AuthorityTest, FindsWhatIsLeftOfAnEarlierStart) {
  start({0, 2});
  Authority again = job.authority();
  EXPECT_THAT(pending(again), ElementsAre("item1"));
  EXPECT_EQ(again.counts().done, 2U);
  again.settle(nullptr, at::kCPU);
  EXPECT_EQ(job.outcome_text(), "") << "whoever finds none knows of too sudden an end";
  job.finish_items(again, {1});
  const run::Outcome outcome = again.conclude(nullptr);
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_EQ(outcome.epoch, 2);
  EXPECT_EQ(outcome.reason, "all items done");
}

TEST_F(AuthorityTest, CountsBeforeTheItemsThoseThatTheListHasNow) {
  start({0, 1, 2});
  job.write_list(60);
  Authority grown = job.authority();
  const run::Outcome outcome = grown.conclude_at_once(grown.counts(), "STOP is there", false, false);
  EXPECT_EQ(outcome.exit, 75);
  EXPECT_EQ(outcome.counts.done, 3U);
  EXPECT_EQ(outcome.counts.left, 57U);
  EXPECT_THAT(outcome.reason, HasSubstr("STOP is there"));
  EXPECT_THAT(job.outcome_text(), HasSubstr(R"("left":57)"));
}

TEST_F(AuthorityTest, AppendsNewItemsAndKeepsThoseThatAreDone) {
  start({0, 1, 2});
  job.write_list(5);
  const Authority authority = job.authority();
  EXPECT_THAT(pending(authority), ElementsAre("item3", "item4"));
  EXPECT_EQ(authority.items().size(), 5U);
}

TEST_F(AuthorityTest, RefusesAChangedItemNamingItsFieldAndWritesNothing) {
  start({0});
  const std::string outcome = job.outcome_text();
  job.write_list({R"({"id": "item0", "prompt": "prompt 0", "seed": 0})",
                  R"({"id": "item1", "prompt": "prompt 1", "seed": 9})",
                  R"({"id": "item2", "prompt": "prompt 2", "seed": 2})"});
  EXPECT_THAT(refusal(job.options()),
              AllOf(HasSubstr("seed"), HasSubstr("item1"), testing::Not(HasSubstr("item0"))));
  EXPECT_EQ(job.outcome_text(), outcome);
}

TEST_F(AuthorityTest, ForgetsVanishedItemsOnlyIfItIsToldTo) {
  start({0});
  job.write_list(2);
  plan::RunOptions options = job.options();
  EXPECT_THAT(refusal(options), AllOf(HasSubstr("item2"), HasSubstr("--drop")));
  options.drop = true;
  Authority authority = job.authority(options);
  EXPECT_THAT(pending(authority), ElementsAre("item1"));
  authority.settle(nullptr, at::kCPU);
  EXPECT_EQ(authority.conclude(nullptr).counts.total(), 2U);
  std::vector<std::string> listed;
  for (const auto& item : results::list_items(job.run(), results::read_journals(job.run())))
    listed.push_back(item.id);
  EXPECT_THAT(listed, ElementsAre("item0", "item1"));
}

/// Item 0 failed in the first start, and item 1 was quarantined.
struct GivenUpTest : AuthorityTest {
  GivenUpTest() {
    Authority authority = job.authority();
    authority.settle(nullptr, at::kCPU);
    results::JournalWriter journal(job.run().journal(1, 0));
    for (const auto& [index, event] : {std::pair{0, Event::failed}, {1, Event::quarantined}}) {
      const requests::Item item = authority.items()[static_cast<std::size_t>(index)];
      journal.append(
          {.time = 1, .event = Event::start, .item = item.request.id, .key = item.key, .attempt = 1});
      journal.append({.time = 2,
                      .event = event,
                      .item = item.request.id,
                      .key = item.key,
                      .attempt = 1,
                      .reason = "numeric: not finite"});
    }
  }
  run::Retry retry;
  Authority next() const {
    plan::RunOptions options = job.options();
    options.retry = retry;
    return job.authority(options);
  }
};

TEST_F(GivenUpTest, StaysSoUntilItIsAskedForAgain) {
  const Authority authority = next();
  EXPECT_THAT(pending(authority), ElementsAre("item2"));
  EXPECT_EQ(authority.counts().failed, 1U);
  EXPECT_EQ(authority.counts().quarantined, 1U);
  EXPECT_EQ(authority.counts().left, 1U);
}

TEST_F(GivenUpTest, IsTakenUpAgainByNameOfItsState) {
  retry.failed = true;
  {
    const Authority authority = next();
    EXPECT_THAT(pending(authority), ElementsAre("item0", "item2"));
    EXPECT_EQ(authority.pending()[0].attempt, 2);
    EXPECT_EQ(authority.counts().failed, 0U);
    EXPECT_EQ(authority.counts().quarantined, 1U);
    EXPECT_EQ(authority.counts().left, 2U);
  }
  retry = {.quarantined = true};
  EXPECT_THAT(pending(next()), ElementsAre("item1", "item2"));
}

TEST_F(AuthorityTest, TakesUpTheChosenItemsAndIsThroughWhenTheseAre) {
  plan::RunOptions options = job.options();
  options.selection.only = {"item1"};
  Authority authority = job.authority(options);
  EXPECT_THAT(pending(authority), ElementsAre("item1"));
  authority.settle(nullptr, at::kCPU);
  job.finish_items(authority, {1});
  const run::Outcome outcome = authority.conclude(nullptr);
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_EQ(outcome.counts.done, 1U);
  EXPECT_EQ(outcome.counts.left, 2U);
}

TEST_F(AuthorityTest, SaysWhatEndedTheJobInItsOutcome) {
  Authority authority = job.authority();
  authority.settle(nullptr, at::kCPU);
  const Error failure{Category::no_space, "store results"};
  const run::Outcome outcome = authority.conclude(&failure);
  EXPECT_EQ(outcome.exit, 3);
  EXPECT_EQ(outcome.reason, failure.what());
  EXPECT_THAT(job.outcome_text(), HasSubstr(R"("exit":3)"));
}

TEST_F(AuthorityTest, SaysWhichRankWasLost) {
  Authority authority = job.authority();
  authority.settle(nullptr, at::kCPU);
  const run::Outcome outcome = authority.conclude_at_once({.left = 3}, "rank 2 is dead", true, true);
  EXPECT_EQ(outcome.exit, 3);
  EXPECT_EQ(outcome.reason, "rank 2 is dead");
  EXPECT_TRUE(outcome.crashed);
}

TEST_F(AuthorityTest, WritesNothingMoreOnceAnotherStartOwnsTheRunDirectory) {
  Authority authority = job.authority();
  EXPECT_FALSE(authority.taken_over());
  take_over(job.run(), 2);
  EXPECT_TRUE(authority.taken_over());
  const Error failure{Category::io, "store results"};
  for (const std::function<void()>& step : std::initializer_list<std::function<void()>>{
           [&] { authority.settle(nullptr, at::kCPU); }, [&] { authority.conclude(nullptr); },
           [&] { authority.conclude(&failure); },
           [&] { authority.conclude_at_once({.left = 3}, "SIGTERM", false, true); }}) {
    try {
      step();
      ADD_FAILURE() << "it goes on";
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::io);
      EXPECT_THAT(error.what(), HasSubstr("another run has taken over"));
    }
  }
  EXPECT_EQ(job.outcome_text(), "");
  EXPECT_FALSE(std::filesystem::exists(job.run().requests()));
  EXPECT_FALSE(std::filesystem::exists(job.run().index()));
}

}  // namespace
}  // namespace ditmill::jobs::engine
