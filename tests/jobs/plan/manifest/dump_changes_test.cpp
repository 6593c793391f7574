#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "jobs/plan/manifest/from_dump.h"

namespace ditmill::jobs::plan {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(ChangesSince, NameWhatMayChangeBytes) {
  const json then{
      {"ditmill_version", "0.1"},    {"threads", 2},     {"libraries", {{"torch", "2.1"}, {"mkl", "1"}}},
      {"identity", {{"steps", 50}}}, {"timestamp", "a"}, {"device", "cpu"}};
  json now = then;
  now["timestamp"] = "b";
  EXPECT_THAT(changes_since(then, now), IsEmpty());
  now["threads"] = 4;
  now["libraries"]["torch"] = "2.2";
  now["identity"]["steps"] = 7;
  EXPECT_THAT(
      changes_since(then, now),
      ElementsAre("threads: 2, now 4", "libraries.torch: \"2.1\", now \"2.2\"", "identity.steps: 50, now 7"));
  EXPECT_THAT(changes_since(json{}, now), IsEmpty());
}

}  // namespace
}  // namespace ditmill::jobs::plan
