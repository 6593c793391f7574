#include "registry/formats/json_scanner.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "registry/formats/json_document.h"

namespace ditmill::registry {
namespace {

TEST(ParseJson, AgreesWithNlohmannOnGoodDocuments) {
  for (const char* text :
       {"null", " true ", "-0", "0", "-12", "18446744073709551615", "1e3", "-1.5E-3", "1e-400", "\"\"", "[]",
        "{}", R"({"a": [1, {"b": null}], "c": "\u00e9\ud83d\ude00\n\/", "d": [[], [[]]]})",
        "[1e308, 0.1, 123456789012345678]"}) {
    EXPECT_EQ(parse_json(text, "read", "f"), nlohmann::json::parse(text)) << text;
  }
  EXPECT_TRUE(parse_json("18446744073709551615", "read", "f").is_number_unsigned());
}

TEST(ParseJson, RefusesAtTheByte) {
  const struct {
    const char* text;
    std::uint64_t offset;
  } rows[] = {{"", 0},      {"{\"a\":1,\"a\":2}", 7},
              {"[1,]", 3},  {"[1 2]", 3},
              {"nul", 0},   {"1e999", 0},
              {"[NaN]", 1}, {"[Infinity]", 1},
              {"{} {}", 3}, {"\"\\ud800\"", 1},
              {"01", 1},    {".5", 0},
              {"[1}", 2},   {"{\"a\"}", 4}};
  for (const auto& row : rows) {
    try {
      parse_json(row.text, "read config.json", "config.json");
      ADD_FAILURE() << "accepted " << row.text;
    } catch (const Error& error) {
      EXPECT_EQ(error.where().offset, row.offset) << row.text << ": " << error.what();
      EXPECT_THAT(error.what(), testing::HasSubstr("config.json"));
    }
  }
}

TEST(JsonScanner, CountsFromTheBase) {
  JsonScanner scanner{"  7", "read", "f", 100};
  EXPECT_EQ(scanner.offset(), 102U);
  EXPECT_EQ(scanner.natural("a number"), 7U);
  scanner.finish();
}

}  // namespace
}  // namespace ditmill::registry
