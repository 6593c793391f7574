#include <gtest/gtest.h>

#include <span>

#include "configs/error.h"
#include "registry/formats/safetensors.h"
#include "tests/registry/safetensors_text.h"
#include "tests/support/allocation_peak.h"

namespace ditmill::registry {
namespace {

/// Headers of a few megabytes that make the most of every byte.
struct Greedy {
  const char* name;
  std::string json;
};

std::string repeated(int count, const std::string& before, const std::string& after,
                     const std::string& open = "{", const std::string& close = "}") {
  std::string json = open;
  for (int i = 0; i < count; ++i) json += (i > 0 ? "," : "") + before + std::to_string(i) + after;
  return json + close;
}

std::string with_field(const std::string& value) {
  return "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0],\"x\":" + value + "}}";
}

std::string many(int count, const std::string& text) {
  std::string joined;
  for (int i = 0; i < count; ++i) joined += (i > 0 ? "," : "") + text;
  return joined;
}

class SafetensorsMemory : public testing::TestWithParam<Greedy> {};

TEST_P(SafetensorsMemory, StaysWithin8TimesTheHeader) {
  const std::string bytes = tests::safetensors_file(GetParam().json, 0);
  const auto source = memory_source("greedy", std::as_bytes(std::span{bytes}));
  const tests::AllocationPeak peak;
  try {
    const SafetensorsHeader header = read_safetensors_header(*source);
    EXPECT_GE(peak.bytes(), header.header_bytes) << "the counter counts nothing";
  } catch (const Error&) {
    // A refusal has to fit, too.
  }
  EXPECT_LE(peak.bytes(), 8 * bytes.size())
      << static_cast<double>(peak.bytes()) / static_cast<double>(bytes.size());
}

INSTANTIATE_TEST_SUITE_P(
    , SafetensorsMemory,
    testing::Values(
        // One more than a power of two: vectors have just grown.
        Greedy{"SmallestEntries",
               repeated((1 << 16) + 1, "\"", "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}")},
        Greedy{"LongerNames", repeated((1 << 15) + 1, "\"model.layers.names.",
                                       "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}")},
        Greedy{"EscapedNames", repeated((1 << 15) + 1, "\"\\u0061\\u0062\\u0063",
                                        "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}")},
        Greedy{"OneHugeShape", "{\"a\":{\"dtype\":\"U8\",\"shape\":[" + many((1 << 20) + 1, "0") +
                                   "],\"data_offsets\":[0,0]}}"},
        Greedy{"Metadata", "{\"__metadata__\":" + repeated((1 << 18) + 1, "\"", "\":\"\"") + "}"},
        Greedy{"OneHugeName", "{\"" + std::string((1 << 22) + 1, 'n') +
                                  "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}"},
        Greedy{"KeysOfAnUnknownField", with_field(repeated((1 << 20) + 1, "\"", "\":0"))},
        Greedy{"NestedEmptyArrays", with_field("[" + many((1 << 20) + 1, "[]") + "]")},
        Greedy{"RepeatedKeys", with_field("{" + many((1 << 19) + 1, "\"\":0") + "}")}),
    [](const testing::TestParamInfo<Greedy>& info) { return std::string{info.param.name}; });

}  // namespace
}  // namespace ditmill::registry
