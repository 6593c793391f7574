#include "jobs/requests/text/json_line.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ditmill::jobs::requests {
namespace {

TEST(JsonLine, SaysTheFirstFaultFromLeftToRight) {
  const struct {
    std::string line;
    std::size_t offset;
    std::string message;
  } rows[] = {
      {"", 0, "expected a JSON object, {...}"},
      {" 1", 1, "expected a JSON object, {...}"},
      {R"({"a":1} {)", 8, "text after the JSON object"},
      // A key twice, before whatever else is wrong behind it.
      {R"({"a":1,"a":nul})", 7, "the key a is there twice"},
      {R"({"a":1,"\u0061")", 7, "the key a is there twice"},
      {R"({"a":1,"a":{"b":1,"b":2}})", 7, "the key a is there twice"},
      {R"({"a":{"b":1,"b":2},"a":1})", 12, "the key b is there twice"},
      {R"({"a":1,"a)", 9, "the line ends within its JSON object"},
      // Bytes that are no text count where they stand.
      {"{\"a\":nul,\"\xff\":1}", 5, "not a JSON value"},
      {"{\"a\":\"\xff\"}", 6, "not UTF-8"},
      // Numbers and escapes from their beginnings.
      {R"({"a":-})", 5, "not a JSON value"},
      {R"({"a":-)", 5, "not a JSON value"},
      {R"({"a":-01})", 6, "a number with a leading zero"},
      {R"({"a":1.})", 7, "expected a digit"},
      {R"({"a":1.)", 7, "the line ends within its JSON object"},
      {R"({"a":"\u12)", 6, "\\u without four hexadecimal digits"},
      {R"({"a":"\ud83d\u12"})", 6, "half of a surrogate pair"},
      {R"({"a":"\ud83d\n"})", 6, "half of a surrogate pair"},
      {R"({"a":"\q"})", 6, "an escape that JSON does not have"},
      {R"({"a":"\)", 7, "the line ends within its JSON object"},
      {R"({"a" 1})", 5, "expected : after the key a"},
      {R"({"a":1 2})", 7, "expected , or } after a value"},
      {R"({"a":[1 2]})", 8, "expected , or ] after a value"},
      {R"({"a":1,})", 7, "expected a key in double quotes"},
  };
  for (const auto& row : rows) {
    std::vector<JsonField> fields;
    const std::optional<JsonFault> fault = parse_json_line(row.line, fields);
    ASSERT_TRUE(fault) << row.line;
    EXPECT_EQ(fault->offset, row.offset) << row.line;
    EXPECT_EQ(fault->message, row.message) << row.line;
  }
}

TEST(JsonLine, GivesFieldsAsTheyAreWritten) {
  const std::string line =
      R"( {"\u0061" : "\ud83d\ude00\n", "b":-1, "c": 1e2, "d":[{"e": null}] , "f":true} )";
  std::vector<JsonField> fields;
  ASSERT_FALSE(parse_json_line(line, fields));
  ASSERT_EQ(fields.size(), 5U);
  EXPECT_EQ(fields[0].key, "a");
  EXPECT_EQ(fields[0].raw_key, R"("\u0061")");
  EXPECT_EQ(fields[0].key_offset, 2U);
  EXPECT_EQ(fields[0].value_offset, 13U);
  EXPECT_EQ(json_text(fields[0].raw), "\U0001f600\n");
  const std::array kinds{JsonKind::string, JsonKind::integer, JsonKind::real, JsonKind::array,
                         JsonKind::boolean};
  for (std::size_t i = 0; i < kinds.size(); ++i) EXPECT_EQ(fields[i].kind, kinds[i]) << i;
  EXPECT_EQ(fields[3].raw, R"([{"e": null}])");
}

// What guesses the form of a broken file asks for the text of strings that nobody has checked.
TEST(JsonLine, DecodesBrokenEscapesWithoutReadingPastThem) {
  const std::string_view replaced = "\xef\xbf\xbd";
  for (const std::string_view raw :
       {R"("\ud83d")", R"("\ud83d\u00")", R"("\ud83d\ud83d")", R"("\u12")", R"("\u")"}) {
    EXPECT_TRUE(json_text(raw).starts_with(replaced)) << raw;
  }
  EXPECT_EQ(json_text("\"\\\xc3\xa9\""), "\xc3\xa9");
}

TEST(JsonLine, WritesStringsAsNlohmannDoes) {
  std::string text = "\"\\/\x7f\xc3\xa9";
  for (char c = 0; c < 0x20; ++c) text += c;
  std::string written;
  append_json_string(written, text);
  EXPECT_EQ(written, nlohmann::json(text).dump());
}

}  // namespace
}  // namespace ditmill::jobs::requests
