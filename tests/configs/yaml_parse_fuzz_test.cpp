#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "configs/overrides.h"
#include "configs/pipeline_config.h"
#include "configs/request.h"
#include "configs/yaml_reader.h"

namespace ditmill::configs {
namespace {

/// Random texts, of bytes and of YAML's own building blocks: the second kind gets far into the parser.
std::string random_text(std::mt19937_64& random) {
  static const std::vector<std::string> blocks{
      "a",     "b: ",       "- ",    "? ",     ": ",    "\n",     "\n  ",        "\n    ", "{",
      "}",     "[",         "]",     ",",      "&x ",   "*x",     "!!str ",      "! ",     "|\n",
      ">-\n",  "\"",        "'",     "#",      "---\n", "...\n",  "%YAML 1.2\n", "<<: ",   "~",
      "null",  "1",         "1e9",   "true",   "\t",    "\u00e9", "\xff",        "\r\n",   "\\u0041",
      "\\x00", "pipeline:", "steps", "preset", "\x04"};
  std::string text;
  const bool bytes = random() % 4 == 0;
  const std::size_t count = random() % 60;
  for (std::size_t i = 0; i < count; ++i) {
    if (bytes) {
      text.push_back(static_cast<char>(random() % 256));
    } else {
      text += blocks[random() % blocks.size()];
    }
  }
  return text;
}

void visit(const YamlNode& node, std::size_t depth) {
  ASSERT_LE(depth, max_yaml_depth);
  ASSERT_GE(node.line, 0);
  for (const YamlNode& item : node.items) visit(item, depth + 1);
  for (const auto& [key, value] : node.entries) {
    ASSERT_EQ(key.kind, YamlNode::Kind::scalar);
    visit(value, depth + 1);
  }
}

TEST(ParseYamlFuzz, NeverThrowsAndNeverBreaksItsPromises) {
  std::mt19937_64 random(20260131);
  int good = 0;
  int bad = 0;
  for (int round = 0; round < 20000; ++round) {
    const std::string text = random_text(random);
    std::vector<Problem> problems;
    YamlNode root;
    ASSERT_NO_THROW(root = parse_yaml(text, "m.yaml", problems)) << text;
    visit(root, 0);
    for (const Problem& problem : problems) ASSERT_GT(problem.line, 0) << text << "\n" << problem.message;
    ++(problems.empty() ? good : bad);
    ASSERT_NO_THROW(apply_override(root, random_text(random), problems));
    MapReader reader(root, "", "m.yaml", problems);
    PipelineConfig config;
    RequestDraft request;
    ASSERT_NO_THROW(apply_pipeline(reader.map("pipeline"), config));
    ASSERT_NO_THROW(read_request(reader.map("a"), request));
    reader.finish();
  }
  EXPECT_GT(good, 500);
  EXPECT_GT(bad, 500);
}

}  // namespace
}  // namespace ditmill::configs
