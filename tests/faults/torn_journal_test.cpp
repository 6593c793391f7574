// The journal of a real run (argument of torn_journal_test.py) cut at, and changed in, every byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "jobs/results/files/durable.h"
#include "jobs/results/journal/reader.h"

namespace ditmill::jobs {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct TornJournal : ::testing::Test {
  void SetUp() override {
    const char* path = std::getenv("DITMILL_TEST_JOURNAL");
    ASSERT_NE(path, nullptr) << "torn_journal_test.py names the journal";
    bytes = results::durable::read_file(path);
    std::vector<results::JournalReport> reports;
    records = results::parse_journal(bytes, "j", reports);
    ASSERT_THAT(reports, IsEmpty());
    ASSERT_GE(records.size(), 20U);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      if (bytes[at] == '\n') ends.push_back(at + 1);
    }
  }

  /// How many lines end at or before an offset.
  std::size_t lines_before(std::size_t offset) const {
    return static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), offset) - ends.begin());
  }

  std::string bytes;
  std::vector<results::Record> records;
  std::vector<std::size_t> ends;
};

TEST_F(TornJournal, KeepsItsWholeLinesWhereverItIsCut) {
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    std::vector<results::JournalReport> reports;
    const auto read = results::parse_journal(std::string_view(bytes).substr(0, cut), "j", reports);
    const std::size_t whole = lines_before(cut);
    ASSERT_EQ(read, std::vector<results::Record>(records.begin(), records.begin() + static_cast<long>(whole)))
        << cut;
    const std::size_t torn_at = whole == 0 ? 0 : ends[whole - 1];
    ASSERT_THAT(reports, SizeIs(torn_at == cut ? 0 : 1)) << cut;
    if (torn_at == cut) continue;
    EXPECT_EQ(reports[0].offset, torn_at);
    EXPECT_THAT(reports[0].message, HasSubstr("torn"));
  }
}

TEST_F(TornJournal, LosesNoLineButThoseInWhichAByteChanged) {
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const unsigned flip : {0x01U, 0x80U, 0xffU}) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ flip);
      std::vector<results::JournalReport> reports;
      const auto read = results::parse_journal(damaged, "j", reports);
      // A newline that is none any more joins two lines; a byte that becomes one splits its line. The last
      // newline's loss tears the last line.
      std::vector<results::Record> expected = records;
      const std::size_t line = lines_before(at);
      const bool joins = bytes[at] == '\n' && line + 1 < records.size();
      expected.erase(expected.begin() + static_cast<long>(line),
                     expected.begin() + static_cast<long>(line + (joins ? 2 : 1)));
      ASSERT_EQ(read, expected) << "byte " << at << " flipped by " << flip;
      ASSERT_THAT(reports, SizeIs(damaged[at] == '\n' ? 2 : 1)) << at;
      EXPECT_EQ(reports[0].offset, line == 0 ? 0 : ends[line - 1]);
    }
  }
}

}  // namespace
}  // namespace ditmill::jobs
