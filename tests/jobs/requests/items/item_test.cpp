#include "jobs/requests/items/item.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "configs/dump.h"
#include "configs/error.h"

namespace ditmill::jobs::requests {
namespace {

std::vector<ComponentIdentity> components() {
  return {{.name = "transformer", .key_hash = "aa", .digest = "sha256:01"},
          {.name = "tokenizer", .key_hash = "", .digest = "sha256:02"}};
}

configs::Request request() {
  return {.id = "tabby",
          .prompt = "a caf\xc3\xa9 \"cat\"\n",
          .negative_prompt = "blurry",
          .seed = 9223372036854775807,
          .width = 832,
          .height = 480,
          .frames = 81,
          .fps = 16};
}

std::string key(const std::vector<ComponentIdentity>& parts, const configs::PipelineConfig& pipeline,
                const configs::Request& item) {
  return item_key(job_identity(parts, pipeline), item);
}

TEST(ItemKey, IsTheSha256OfTheCanonicalJson) {
  // hashlib.sha256(json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
  EXPECT_EQ(key(components(), {}, request()),
            "cb14fbf8640c8d4eaff9a73141010004d9b04008532d02991939f0783ac9e3fa");
  nlohmann::json identity = job_identity(components(), {});
  identity.update(request_identity(request()));
  EXPECT_EQ(
      identity.dump(),
      R"({"attention":{"dit":"sdpa","text_encoder":"sdpa","vae":"sdpa"},"components":{"dit":{"digest":"sha256:01",)"
      R"("key_hash":"aa"},"tokenizer":{"digest":"sha256:02","key_hash":""}},"dtype":{"dit":"bfloat16",)"
      R"("text_encoder":"bfloat16","vae":"float32"},"flow_shift":3.0,"frames":81,"guidance_scale":5.0,"height":480,)"
      R"("lora":[],"negative_prompt":"blurry","prompt":"a café \"cat\"\n","schema":1,"seed":9223372036854775807,)"
      R"("solver":"unipc","steps":50,"width":832})");
}

TEST(ItemKey, SurvivesTheWayThroughText) {
  const nlohmann::json identity = job_identity(components(), {});
  EXPECT_EQ(item_key(nlohmann::json::parse(identity.dump(2)), request()), item_key(identity, request()));
  EXPECT_EQ(request_from_json(nlohmann::json::parse(configs::dump_layer3(request()).dump())), request());
  EXPECT_EQ(request_from_json(configs::dump_layer3(request())), request());
}

TEST(ItemKey, ChangesWithWhateverCanChangeAPixel) {
  using Change =
      std::function<void(std::vector<ComponentIdentity>&, configs::PipelineConfig&, configs::Request&)>;
  const std::vector<Change> changes{
      [](auto&, auto&, auto&) {},
      [](auto& parts, auto&, auto&) { parts[0].digest = "sha256:03"; },
      [](auto& parts, auto&, auto&) { parts[0].key_hash = "ab"; },
      [](auto& parts, auto&, auto&) { parts[1].digest = "sha256:03"; },
      [](auto& parts, auto&, auto&) { parts[1].name = "vae"; },
      [](auto& parts, auto&, auto&) { parts.pop_back(); },
      [](auto&, auto& pipeline, auto&) { pipeline.solver = configs::Solver::euler; },
      [](auto&, auto& pipeline, auto&) { pipeline.steps = 49; },
      [](auto&, auto& pipeline, auto&) { pipeline.guidance_scale = 5.5; },
      [](auto&, auto& pipeline, auto&) { pipeline.flow_shift = 3.0000000000000004; },
      [](auto&, auto& pipeline, auto&) { pipeline.numerics = configs::Numerics::fast; },
      [](auto&, auto& pipeline, auto&) { pipeline.components["vae"].dtype = configs::Dtype::bfloat16; },
      [](auto&, auto& pipeline, auto&) {
        pipeline.components["transformer"].dtype = configs::Dtype::float32;
      },
      [](auto&, auto& pipeline, auto&) { pipeline.components["transformer"].attention = "other"; },
      [](auto&, auto& pipeline, auto&) { pipeline.components["vae"].tiling = configs::VaeTiling{}; },
      [](auto&, auto& pipeline, auto&) {
        pipeline.components["vae"].tiling = configs::VaeTiling{.height = 264};
      },
      [](auto&, auto& pipeline, auto&) {
        pipeline.components["vae"].tiling = configs::VaeTiling{.width = 264};
      },
      [](auto&, auto& pipeline, auto&) {
        pipeline.components["vae"].tiling = configs::VaeTiling{.stride_height = 200};
      },
      [](auto&, auto& pipeline, auto&) {
        pipeline.components["vae"].tiling = configs::VaeTiling{.stride_width = 200};
      },
      [](auto&, auto&, auto& item) { item.prompt += " "; },
      [](auto&, auto&, auto& item) { item.negative_prompt = ""; },
      [](auto&, auto&, auto& item) { item.seed -= 1; },
      [](auto&, auto&, auto& item) { item.width = 480; },
      [](auto&, auto&, auto& item) { item.height = 832; },
      [](auto&, auto&, auto& item) { item.frames = 5; },
  };
  std::set<std::string> keys;
  for (const Change& change : changes) {
    std::vector<ComponentIdentity> parts = components();
    configs::PipelineConfig pipeline;
    configs::Request item = request();
    change(parts, pipeline, item);
    keys.insert(key(parts, pipeline, item));
  }
  EXPECT_EQ(keys.size(), changes.size());
}

TEST(ItemKey, StaysWithWhateverCannot) {
  configs::PipelineConfig pipeline;
  pipeline.preset = "other";
  pipeline.parallel = {.dp = 7, .cfg = 2};
  pipeline.text_window = 1;
  configs::Request item = request();
  item.id = "other";
  item.fps = 8;
  EXPECT_EQ(key(components(), pipeline, item), key(components(), {}, request()));
}

TEST(RequestFromJson, RefusesWhatToJsonNeverWrites) {
  const auto refuses = [](const char* field, nlohmann::json value) {
    nlohmann::json json = configs::dump_layer3(request());
    json[field] = std::move(value);
    EXPECT_THROW(request_from_json(json), Error) << json.dump();
  };
  refuses("seed", -1);
  refuses("seed", 1.5);
  refuses("seed", std::uint64_t{1} << 63);
  refuses("seed", "1");
  refuses("width", std::int64_t{1} << 31);
  refuses("frames", nullptr);
  refuses("prompt", 1);
  refuses("fps", "16");
  const nlohmann::json whole = configs::dump_layer3(request());
  for (const auto& [field, value] : whole.items()) {
    nlohmann::json json = whole;
    json.erase(field);
    EXPECT_THROW(request_from_json(json), Error) << field;
  }
  EXPECT_THROW(request_from_json(nlohmann::json::array()), Error);
}

}  // namespace
}  // namespace ditmill::jobs::requests
