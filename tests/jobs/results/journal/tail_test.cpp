#include "jobs/results/journal/tail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "jobs/results/journal/record_scan.h"
#include "tests/jobs/made_up_run.h"

namespace ditmill::jobs::results {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct JournalTailTest : ::testing::Test {
  std::vector<std::string> look() {
    std::vector<std::string> items;
    tail.look([&](const JournalFile& file, const Record& record) {
      items.push_back(std::to_string(file.epoch) + ":" + record.item + ":" + std::string(name(record.event)));
    });
    return items;
  }

  MadeUpRun run;
  JournalTail tail{run.directory()};
};

TEST_F(JournalTailTest, GivesEachRecordOnceAndReadsNothingTwice) {
  EXPECT_THAT(look(), IsEmpty());
  run.append(1, 0, {made_up_record(Event::start, 0, 10), made_up_record(Event::done, 0, 11)});
  EXPECT_THAT(look(), ElementsAre("1:item0:start", "1:item0:done"));
  const std::uint64_t before = tail.bytes_read();
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_EQ(tail.bytes_read(), before);
  const Record more = made_up_record(Event::start, 1, 12);
  run.append(1, 0, {more});
  EXPECT_THAT(look(), ElementsAre("1:item1:start"));
  EXPECT_EQ(tail.bytes_read() - before, to_line(more).size());
}

TEST_F(JournalTailTest, WaitsForATornLineToBeCompletedAtAnyByte) {
  const std::string line = to_line(made_up_record(Event::failed, 0, 10, "numeric: “NaN”"));
  for (std::size_t cut = 1; cut < line.size(); ++cut) {
    run.append_text(1, static_cast<int>(cut), line.substr(0, cut));
    EXPECT_THAT(look(), IsEmpty()) << cut;
    ASSERT_THAT(tail.unfinished(), SizeIs(1)) << cut;
    EXPECT_EQ(tail.unfinished()[0].bytes, cut);
    run.append_text(1, static_cast<int>(cut), line.substr(cut));
    EXPECT_THAT(look(), ElementsAre("1:item0:failed")) << cut;
    EXPECT_THAT(tail.unfinished(), IsEmpty());
  }
  EXPECT_THAT(tail.damage(), IsEmpty());
}

TEST_F(JournalTailTest, LetsAnUnfinishedLineBeCutOffAgain) {
  const std::string line = to_line(made_up_record(Event::start, 0, 10));
  run.append_text(1, 0, line + line.substr(0, 20));
  EXPECT_THAT(look(), SizeIs(1));
  std::filesystem::resize_file(run.directory().journal(1, 0), line.size());
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_THAT(tail.unfinished(), IsEmpty());
  EXPECT_THAT(tail.damage(), IsEmpty());
}

TEST_F(JournalTailTest, ReportsDamageOnceWithItsPlaceAndGoesOn) {
  const std::string line = to_line(made_up_record(Event::start, 0, 10));
  std::string damaged = line;
  damaged[30] ^= 1;
  run.append_text(1, 0, line + damaged + line);
  EXPECT_THAT(look(), SizeIs(2));
  look();
  ASSERT_THAT(tail.damage(), SizeIs(1));
  EXPECT_EQ(tail.damage()[0].offset, line.size());
  EXPECT_THAT(tail.damage()[0].message, HasSubstr("crc"));
}

TEST_F(JournalTailTest, SkipsALineThatIsNoLineWithoutHoldingIt) {
  const std::string line = to_line(made_up_record(Event::start, 0, 10));
  run.append_text(1, 0, line + std::string(3 * JournalTail::longest_line, '\0'));
  EXPECT_THAT(look(), SizeIs(1));
  run.append_text(1, 0, "\n" + line);
  EXPECT_THAT(look(), SizeIs(1));
  ASSERT_THAT(tail.damage(), SizeIs(1));
  EXPECT_THAT(tail.damage()[0].message, HasSubstr("longer than"));
}

TEST_F(JournalTailTest, ReportsAJournalThatLostBytes) {
  run.append(1, 0, {made_up_record(Event::start, 0, 10), made_up_record(Event::start, 1, 10)});
  EXPECT_THAT(look(), SizeIs(2));
  std::filesystem::resize_file(run.directory().journal(1, 0), 10);
  EXPECT_THAT(look(), IsEmpty());
  ASSERT_THAT(tail.damage(), SizeIs(1));
  EXPECT_THAT(tail.damage()[0].message, HasSubstr("lost bytes"));
}

TEST_F(JournalTailTest, ReadsAnEpochToItsEndBeforeItLooksAtTheNextOnly) {
  run.append(1, 0, {made_up_record(Event::start, 0, 10)});
  EXPECT_THAT(look(), SizeIs(1));
  run.append(1, 0, {made_up_record(Event::done, 0, 11)});
  run.append(2, 0, {made_up_record(Event::start, 1, 12)});
  EXPECT_THAT(look(), ElementsAre("1:item0:done", "2:item1:start"));
  run.append(1, 0, {made_up_record(Event::done, 2, 13)});
  EXPECT_THAT(look(), IsEmpty());
}

TEST(ScanLine, SaysWhatFromLineSaysOrLeavesItToThat) {
  std::vector<std::string> lines;
  for (const Event event :
       {Event::start, Event::done, Event::failed, Event::quarantined, Event::stopped, Event::crashed}) {
    for (const char* reason :
         {"", "plain words", "crash: rank 2 died", "a \"quote\"", "“curly”", "line\nbreak"}) {
      for (const std::optional<Category> category : {std::optional<Category>{}, {Category::no_space}}) {
        Record record = made_up_record(event, 7, 1700000000.25, reason);
        record.category = category;
        std::string line = to_line(record);
        line.pop_back();
        lines.push_back(std::move(line));
      }
    }
  }
  std::mt19937 random(1);
  int scanned = 0;
  for (const std::string& line : lines) {
    for (int i = 0; i < 200; ++i) {
      std::string changed = line;
      if (i > 0) changed[random() % changed.size()] = static_cast<char>(random());
      Record record;
      if (!scan_line(changed, record)) continue;
      ++scanned;
      std::string why;
      EXPECT_EQ(from_line(changed, why), record) << changed << why;
    }
  }
  EXPECT_GE(scanned, 10);
  Record record;
  Record crash = made_up_record(Event::crashed, 7, 1, "rank 2 died");
  const std::string line = to_line(crash);
  ASSERT_TRUE(scan_line(std::string_view{line}.substr(0, line.size() - 1), record)) << "crashes, too";
  EXPECT_EQ(record, crash);
}

}  // namespace
}  // namespace ditmill::jobs::results
