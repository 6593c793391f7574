#include "jobs/run/frozen/json_difference.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ditmill::jobs::run {
namespace {

using nlohmann::json;

TEST(JsonDifference, NamesTheLeavesThatDifferByTheirDottedPaths) {
  const struct {
    const char* then;
    const char* now;
    std::vector<std::vector<std::string>> differences;  // path, then, now
  } cases[] = {
      {R"({"a":1,"b":[1,2]})", R"({"b":[1,2],"a":1.0})", {}},
      {R"({"a":1})", R"({"a":2})", {{"a", "1", "2"}}},
      {R"({"a":1})", R"({"a":"1"})", {{"a", "1", "\"1\""}}},
      {R"({"b":1,"a":{"y":[0,true],"x":2}})",
       R"({"b":3,"a":{"y":[0,false,5],"x":2}})",
       {{"a.y.1", "true", "false"}, {"a.y.2", "null", "5"}, {"b", "1", "3"}}},
      {R"({"a":{"x":1}})", R"({})", {{"a.x", "1", "null"}}},
      {R"({"a":{"x":1}})", R"({"a":4})", {{"a", "null", "4"}, {"a.x", "1", "null"}}},
      {R"({"a":{}})", R"({"a":null})", {}},
      {"1", "2", {{"", "1", "2"}}},
      {"null", R"({"a":1})", {{"a", "null", "1"}}},
  };
  for (const auto& each : cases) {
    std::vector<std::vector<std::string>> found;
    for (const JsonDifference& difference : json_differences(json::parse(each.then), json::parse(each.now))) {
      found.push_back({difference.path, difference.then.dump(), difference.now.dump()});
    }
    EXPECT_EQ(found, each.differences) << each.then << " and " << each.now;
  }
}

}  // namespace
}  // namespace ditmill::jobs::run
