#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "configs/error.h"
#include "jobs/results/journal/reader.h"
#include "jobs/results/journal/writer.h"
#include "registry/digest.h"
#include "tests/jobs/results/journal/records.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::results {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

void append_to(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::app | std::ios::binary) << bytes;
}

struct JournalTest : ::testing::Test {
  JournalTest() { run.create(); }

  void write(int epoch, int group, const std::vector<Record>& records) {
    JournalWriter(run.journal(epoch, group)).append(records);
  }
  void make_part(const std::string& part, std::size_t bytes = 4) {
    const std::filesystem::path path = run.path() + "/" + part;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << std::string(bytes, 'p');
  }

  TempFolder folder;
  RunDirectory run{folder.path() + "/run"};
};

TEST(JournalReader, KeepsExactlyTheWholeLinesWhereverTheFileIsCut) {
  const std::vector<Record> records{start("a", 1), done("a", 2, "parts/x.h5"), failed("b", 3, "why")};
  std::string bytes;
  std::vector<std::size_t> ends;
  for (const Record& record : records) {
    bytes += to_line(record);
    ends.push_back(bytes.size());
  }
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const auto whole = static_cast<std::size_t>(
        std::count_if(ends.begin(), ends.end(), [cut](std::size_t end) { return end <= cut; }));
    const std::size_t torn_at = whole == 0 ? 0 : ends[whole - 1];
    std::vector<JournalReport> reports;
    const auto read = parse_journal(std::string_view(bytes).substr(0, cut), "j", reports);
    ASSERT_EQ(read, std::vector<Record>(records.begin(), records.begin() + static_cast<long>(whole))) << cut;
    if (torn_at == cut) {
      EXPECT_THAT(reports, IsEmpty()) << cut;
    } else {
      ASSERT_EQ(reports.size(), 1U) << cut;
      EXPECT_EQ(reports[0].offset, torn_at);
      EXPECT_THAT(reports[0].message, HasSubstr("torn"));
    }
  }
}

TEST(JournalReader, DropsALineInWhichAnyByteChanged) {
  const std::string first = to_line(start("a", 1));
  const std::string middle = to_line(done("b", 2, "parts/x.h5"));
  const std::string last = to_line(failed("c", 3, "why"));
  for (std::size_t at = 0; at + 1 < middle.size(); ++at) {
    std::string damaged = middle;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x04);
    if (damaged[at] == '\n') continue;
    std::vector<JournalReport> reports;
    const auto read = parse_journal(first + damaged + last, "j", reports);
    ASSERT_THAT(read, ElementsAre(start("a", 1), failed("c", 3, "why"))) << damaged;
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports[0].offset, first.size());
    EXPECT_THAT(reports[0].message, HasSubstr("damaged"));
  }
}

TEST_F(JournalTest, LetsTheFirstDoneOfAKeyWin) {
  make_part("parts/one.h5");
  make_part("parts/two.h5");
  write(1, 0, {start("k", 1), done("k", 2, "parts/one.h5")});
  write(2, 0, {start("k", 3, 2), done("k", 4, "parts/two.h5")});
  const JournalState state = read_journals(run);
  EXPECT_EQ(state.by_key.at("k").record.part, "parts/one.h5");
  EXPECT_EQ(state.by_key.at("k").attempts, 2);
  EXPECT_EQ(state.by_key.at("k").started, 1);
  EXPECT_THAT(state.reports, IsEmpty());
}

TEST_F(JournalTest, ReportsASecondDoneWithOtherContent) {
  make_part("parts/one.h5");
  write(1, 0, {done("k", 2, "parts/one.h5", 4, "aa")});
  write(1, 1, {done("k", 3, "parts/one.h5", 4, "bb")});
  const JournalState state = read_journals(run);
  EXPECT_EQ(state.by_key.at("k").record.content, "aa");
  ASSERT_EQ(state.reports.size(), 1U);
  EXPECT_THAT(state.reports[0].message, HasSubstr("other content"));
}

TEST_F(JournalTest, KeepsADoneThoughTheItemFailsLater) {
  make_part("parts/one.h5");
  write(1, 0, {done("k", 2, "parts/one.h5")});
  write(2, 0, {failed("k", 3, "late")});
  EXPECT_EQ(read_journals(run).by_key.at("k").event, Event::done);
}

TEST_F(JournalTest, TakesTheLastEventOfAnUnfinishedItemAcrossGroupsAndEpochs) {
  write(1, 0, {start("k", 1), failed("k", 2, "first")});
  write(2, 1, {start("k", 5, 2)});
  write(2, 0, {start("k", 3, 2), failed("k", 4, "second")});
  write(10, 0, {start("other", 9)});
  const ItemState state = read_journals(run).by_key.at("k");
  EXPECT_EQ(state.event, Event::start);
  EXPECT_EQ(state.attempts, 2);
}

TEST(ItemOutcome, IsThatOfTheEventThatDecided) {
  const struct {
    Event event;
    ItemOutcome outcome;
    const char* name;
  } cases[] = {
      {Event::start, ItemOutcome::left, "left"},
      {Event::stopped, ItemOutcome::left, "left"},
      {Event::crashed, ItemOutcome::left, "left"},
      {Event::done, ItemOutcome::done, "done"},
      {Event::failed, ItemOutcome::failed, "failed"},
      {Event::quarantined, ItemOutcome::quarantined, "quarantined"},
  };
  const requests::ItemKey key{1, 2, 3};
  EXPECT_EQ(ItemStates{}.outcome(key), ItemOutcome::left);
  for (const auto& each : cases) {
    ItemStates states;
    states.take(1, {.event = each.event, .key = registry::hex(key)});
    EXPECT_EQ(states.outcome(key), each.outcome) << each.name;
    EXPECT_EQ(name(each.outcome), each.name);
  }
}

TEST_F(JournalTest, CountsCrashesSinceAnItemWasLastGivenUpAndKeepsItsClass) {
  const Record crash{.time = 2, .event = Event::crashed, .item = "id-k", .key = "k", .reason = "rank 1 died"};
  write(1, 0, {start("k", 1)});
  const Record given_up{.time = 2, .event = Event::quarantined, .item = "id-k", .key = "k"};
  write(2, 0, {crash, crash, given_up, crash});
  ItemState state = read_journals(run).by_key.at("k");
  EXPECT_EQ(state.crashes, 1);
  EXPECT_EQ(state.event, Event::crashed);
  EXPECT_EQ(state.record.reason, "rank 1 died");
  Record failure = failed("k", 4, "");
  failure.category = Category::numeric;
  write(3, 0, {start("k", 3, 2), failure});
  state = read_journals(run).by_key.at("k");
  EXPECT_EQ(state.record.category, Category::numeric);
  write(4, 0, {start("k", 5, 3)});
  state = read_journals(run).by_key.at("k");
  EXPECT_FALSE(state.record.category);
  EXPECT_EQ(state.record.reason, "");
}

TEST_F(JournalTest, MakesAnItemPendingWhosePartIsGoneOrOfAnotherSize) {
  make_part("parts/short.h5", 3);
  make_part("parts/good.h5");
  write(1, 0,
        {start("gone", 1), done("gone", 1, "parts/gone.h5"), done("short", 1, "parts/short.h5"),
         done("again", 1, "parts/lost.h5")});
  write(2, 0, {done("again", 2, "parts/good.h5")});
  const JournalState state = read_journals(run);
  EXPECT_EQ(state.by_key.at("gone").event, Event::start);
  EXPECT_EQ(state.by_key.at("gone").record.item, "id-gone");
  EXPECT_EQ(state.by_key.at("short").event, Event::start);
  EXPECT_EQ(state.by_key.at("again").record.part, "parts/good.h5");
  EXPECT_THAT(state.missing_parts, ElementsAre("parts/gone.h5", "parts/short.h5"));
  ASSERT_EQ(state.reports.size(), 3U);
  EXPECT_THAT(state.reports[0].message, HasSubstr("parts/gone.h5 is missing"));
  EXPECT_THAT(state.reports[2].message, HasSubstr("has 3 bytes, not 4"));
}

TEST_F(JournalTest, KnowsAnItemOfTwoIdsByTheOneThatItsPartHas) {
  make_part("parts/good.h5");
  Record other = done("twice", 2, "parts/good.h5");
  other.item = "other-id";
  write(1, 0, {start("twice", 1), done("twice", 1, "parts/lost.h5"), other});
  const JournalState state = read_journals(run);
  EXPECT_EQ(state.by_key.at("twice").record.item, "other-id");
  EXPECT_EQ(state.by_key.at("twice").record.part, "parts/good.h5");
}

TEST_F(JournalTest, ReadsOnPastATornTailOfAnOlderEpoch) {
  write(1, 0, {failed("a", 1, "x")});
  append_to(run.journal(1, 0), "{\"v\":1,\"time\":17");
  write(2, 0, {failed("b", 2, "y")});
  const JournalState state = read_journals(run);
  EXPECT_EQ(state.by_key.size(), 2U);
  ASSERT_EQ(state.reports.size(), 1U);
  EXPECT_EQ(state.reports[0].file, run.journal(1, 0));
}

TEST_F(JournalTest, IgnoresForeignFiles) {
  for (const char* name : {"notes.txt", "e1-g.jsonl", "e0001-g000.jsonl~", "x0001-g000.jsonl"}) {
    append_to(run.journals() + "/" + name, "not a journal\n");
  }
  EXPECT_THAT(journal_files(run), IsEmpty());
}

TEST_F(JournalTest, HasNothingToSayOfARunThatNeverStarted) {
  EXPECT_THAT(read_journals(RunDirectory(folder.path() + "/none")).by_key, IsEmpty());
}

TEST_F(JournalTest, RefusesASecondWriterOfTheSameFile) {
  const JournalWriter first(run.journal(1, 0));
  EXPECT_THROW(JournalWriter(run.journal(1, 0)), Error);
}

/// Runs `action` with no file allowed to grow beyond `bytes`.
template <typename Action>
void with_file_size_limit(rlim_t bytes, Action action) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limited = before;
  limited.rlim_cur = bytes;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limited), 0);
  action();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
}

TEST_F(JournalTest, CutsABatchThatDidNotFitAndRefusesToGoOn) {
  const std::string path = run.journal(1, 0);
  JournalWriter writer(path);
  writer.append(start("a", 1));
  const std::size_t line = to_line(start("a", 1)).size();
  with_file_size_limit(line + 40, [&] { EXPECT_THROW(writer.append(start("b", 2)), Error); });
  EXPECT_EQ(std::filesystem::file_size(path), line);
  EXPECT_THROW(writer.append(start("c", 3)), Error);
  EXPECT_THROW(writer.sync(), Error);
}

}  // namespace
}  // namespace ditmill::jobs::results
