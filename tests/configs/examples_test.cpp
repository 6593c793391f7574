#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "configs/model_definition.h"
#include "configs/preset.h"
#include "tests/configs/layer_text.h"

namespace ditmill::configs {
namespace {

TEST(Examples, AreGoodManifests) {
  int examples = 0;
  for (const auto& entry : std::filesystem::directory_iterator(EXAMPLES_DIR)) {
    if (entry.path().extension() != ".yaml") continue;
    ++examples;
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    EXPECT_THAT(problems_of(text.str(),
                            [](MapReader& root) {
                              int schema = 0;
                              std::string name;
                              EXPECT_TRUE(root.read("schema", schema, {1, 1}));
                              EXPECT_TRUE(root.read("name", name));
                              EXPECT_TRUE(is_id(name));
                              read_model_definition(root.map("model"), "/");
                              MapReader pipeline = root.map("pipeline");
                              Preset preset = read_preset(pipeline).value_or(Preset{});
                              apply_pipeline(pipeline, preset.pipeline);
                              MapReader requests = root.map("requests");
                              read_request_defaults(requests.map("defaults"), preset.defaults);
                              EXPECT_NE(requests.has("file"), requests.has("items"));
                              for (const YamlNode& item : requests.list("items")) {
                                RequestDraft request = preset.defaults;
                                read_request(MapReader(item, "item", "m.yaml", requests.problems()), request);
                              }
                              requests.finish();
                              EXPECT_TRUE(root.map("output").has("path"));
                              root.finish();
                            }),
                testing::IsEmpty())
        << entry.path();
  }
  EXPECT_GE(examples, 3);
}

}  // namespace
}  // namespace ditmill::configs
