#include "jobs/results/journal/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/results/journal/crc32c.h"
#include "jobs/results/journal/reader.h"
#include "tests/jobs/results/journal/records.h"

namespace ditmill::jobs::results {
namespace {

using ::testing::HasSubstr;

TEST(Crc32c, MatchesPublishedVectors) {
  EXPECT_EQ(crc32c(""), 0x00000000U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  std::string ascending;
  for (char c = 0; c < 32; ++c) ascending += c;
  EXPECT_EQ(crc32c(ascending), 0x46dd794eU);
}

TEST(JournalRecord, HasExactlyTheDocumentedBytes) {
  Record record = done("k", 1700000000.25, "parts/e0001-g000/000001.h5", 2048, "00ff");
  const std::string body =
      R"({"v":1,"time":1700000000.250,"event":"done","item":"id-k","key":"k","attempt":1,)"
      R"("part":"parts/e0001-g000/000001.h5","bytes":2048,"content":"00ff")";
  char crc[9];
  std::snprintf(crc, sizeof crc, "%08x", crc32c(body));
  EXPECT_EQ(to_line(record), body + ",\"crc\":\"" + crc + "\"}\n");
}

TEST(JournalRecord, ReadsBackWhatItWrote) {
  const Record records[] = {
      start("a", 1.5),
      done("b", 2.125, "parts/x.h5", 18'446'744'073'709'551'615ULL),
      failed("c", 3, "numeric: \"NaN\"\nin \\ the latents “ü”"),
      {.time = 4, .event = Event::quarantined, .item = "q", .key = "d", .attempt = 3, .reason = "3 attempts"},
      {.time = 5, .event = Event::stopped, .reason = "signal 15"},
      {.time = 6, .event = Event::crashed, .item = "q", .key = "d", .reason = "rank 2 died of SIGSEGV"},
      {.time = 7, .event = Event::failed, .item = "q", .key = "d", .category = Category::memory},
      {.time = 8, .event = Event::stopped, .category = Category::no_space, .reason = "no_space: full"},
  };
  for (const Record& record : records) {
    std::string line = to_line(record);
    ASSERT_EQ(line.find('\n'), line.size() - 1);
    line.pop_back();
    std::string why;
    const auto read = from_line(line, why);
    ASSERT_TRUE(read) << why;
    EXPECT_EQ(*read, record);
  }
}

std::string with_crc(const std::string& body) {
  char crc[9];
  std::snprintf(crc, sizeof crc, "%08x", crc32c(body));
  return body + ",\"crc\":\"" + crc + "\"}";
}

Record read(const std::string& body) {
  std::string why;
  const std::optional<Record> record = from_line(with_crc(body), why);
  EXPECT_TRUE(record) << why;
  return record.value_or(Record{});
}

TEST(JournalRecord, HasTheClassBesideTheReason) {
  Record record = failed("k", 1, "numeric: not finite");
  record.category = Category::numeric;
  EXPECT_EQ(to_line(record), with_crc(R"({"v":1,"time":1.000,"event":"failed","item":"id-k","key":"k",)"
                                      R"("attempt":1,"class":"numeric","reason":"numeric: not finite")") +
                                 "\n");
}

TEST(JournalRecord, SpellsACrashAsAStopForOtherReaders) {
  const Record crash{.time = 1, .event = Event::crashed, .item = "a", .key = "k", .reason = "rank 2 died"};
  const std::string body =
      R"({"v":1,"time":1.000,"event":"stopped","item":"a","key":"k","attempt":1,"reason":"crash: rank 2 died")";
  EXPECT_EQ(to_line(crash), with_crc(body) + "\n");
  EXPECT_EQ(read(body), crash) << "as versions before wrote it, too";
  EXPECT_EQ(reason_text(crash), "crash: rank 2 died");
  EXPECT_EQ(name(Event::crashed), "stopped");
  EXPECT_EQ(event_named("stopped"), Event::stopped);
}

TEST(JournalRecord, KnowsTheClassOfALineThatAnOlderVersionWrote) {
  const struct {
    const char* reason;
    std::optional<Category> category;
  } cases[] = {
      {"numeric: not finite", Category::numeric},
      {"internal: a bug: here", Category::internal},
      {"numeric", std::nullopt},
      {"it was in hand of 3 ranks when they died; the last: rank 5 died", std::nullopt},
      {"", std::nullopt},
  };
  for (const auto& each : cases) EXPECT_EQ(category_of(failed("k", 1, each.reason)), each.category);
  Record record = failed("k", 1, "numeric: not finite");
  record.category = Category::memory;
  EXPECT_EQ(category_of(record), Category::memory);
}

TEST(JournalRecord, PassesAClassOverThatItDoesNotKnow) {
  const Record record =
      read(R"({"v":1,"time":1,"event":"failed","item":"a","key":"k","attempt":1,"class":"strange")");
  EXPECT_EQ(record.event, Event::failed);
  EXPECT_FALSE(record.category);
}

TEST(JournalRecord, StaysReadableWhenAReasonIsNotUtf8) {
  std::vector<JournalReport> reports;
  const auto records = parse_journal(to_line(failed("a", 1, "bad \xff byte")), "j", reports);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].reason, "bad \xef\xbf\xbd byte");
}

TEST(JournalRecord, RefusesWhatNoWriterWrote) {
  const struct {
    std::string line;
    const char* why;
  } cases[] = {
      {"", "no crc"},
      {"{}", "no crc"},
      {R"({"v":1,"crc":"00000000"})", "crc does not match"},
      {with_crc(R"({"v":2,"time":1,"event":"start","item":"a","key":"a","attempt":1)"),
       "another format version"},
      {with_crc(R"({"v":1,"event":"start","item":"a","key":"a","attempt":1)"), "missing"},
      {with_crc(R"({"v":1,"time":"1","event":"start","item":"a","key":"a","attempt":1)"), "wrong type"},
      {with_crc(R"({"v":1,"time":1,"event":"start","item":7,"key":"a","attempt":1)"), "wrong type"},
      {with_crc(R"({"v":1,"time":1,"event":"failed","item":"a","key":"a","attempt":1,"class":7)"),
       "wrong type"},
      {with_crc(R"({"v":1,"time":1,"event":"crashed","item":"a","key":"a","attempt":1)"), "event is unknown"},
      {with_crc(R"({"v":1,"time":1,"event":"began","item":"a","key":"a","attempt":1)"), "event is unknown"},
      {with_crc(R"({"v":1,"time":1,"event":"start","item":"a","key":"a","attempt":-1)"), "out of range"},
      {with_crc(R"({"v":1,"time":1,"event":"start","item":"a","key":"a","attempt":99999999999)"),
       "out of range"},
      {with_crc(R"({"v":1,"time":1,"event":"done","item":"a","key":"a","attempt":1,"part":"parts/x")"),
       "bytes"},
      {with_crc(
           R"({"v":1,"time":1,"event":"done","item":"a","key":"a","attempt":1,"part":"parts/x","bytes":-4)"),
       "bytes"},
      {with_crc(
           R"({"v":1,"time":1,"event":"done","item":"a","key":"a","attempt":1,"part":"/etc/x","bytes":4)"),
       "parts/"},
      {with_crc(
           R"({"v":1,"time":1,"event":"done","item":"a","key":"a","attempt":1,"part":"parts/../x","bytes":4)"),
       "parts/"},
      {with_crc(R"({"v":1,"time":1 oops)"), "no JSON object"},
  };
  for (const auto& [line, expected] : cases) {
    std::string why;
    EXPECT_FALSE(from_line(line, why)) << line;
    EXPECT_THAT(why, HasSubstr(expected)) << line;
  }
}

}  // namespace
}  // namespace ditmill::jobs::results
