#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>
#include <span>

#include "configs/error.h"
#include "registry/formats/json_document.h"
#include "registry/formats/safetensors.h"
#include "registry/formats/shard_index.h"
#include "tests/registry/safetensors_text.h"

namespace ditmill::registry {
namespace {

unsigned fresh_seed() {
  const char* given = std::getenv("DITMILL_TEST_SEED");
  const unsigned seed = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device{}();
  std::cout << "DITMILL_TEST_SEED=" << seed << "\n";
  return seed;
}

/// What must hold of every header that is accepted, whatever its bytes.
void expect_sound(const SafetensorsHeader& header, std::uint64_t file_size) {
  std::uint64_t at = header.header_bytes;
  for (const TensorInfo& tensor : header.tensors) {
    ASSERT_EQ(tensor.begin, at);
    ASSERT_EQ((tensor.end - tensor.begin) * 8,
              tensor.elements() * static_cast<std::uint64_t>(bits(tensor.type)));
    at = tensor.end;
  }
  ASSERT_EQ(at, file_size);
}

bool accepted(const std::string& bytes) {
  try {
    const auto source = memory_source("fuzz", std::as_bytes(std::span{bytes}));
    expect_sound(read_safetensors_header(*source), bytes.size());
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::bad_input) << error.what();
    EXPECT_LE(error.where().offset.value_or(~std::uint64_t{0}), bytes.size()) << error.what();
    return false;
  }
}

TEST(SafetensorsFuzz, MutatedHeadersAreRefusedOrSound) {
  std::mt19937 random{fresh_seed()};
  const std::string seed_json =
      R"({"__metadata__":{"format":"pt"},"a.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
      R"("b\u00e9":{"dtype":"BF16","shape":[],"data_offsets":[24,26]},"c":{"dtype":"F4","shape":[0,4],"data_offsets":[26,26]}})";
  const std::string_view alphabet = "{}[]\",:0123456789-+.eE\\u/abdF U\n\t\xc3\xa9\xff";
  ASSERT_TRUE(accepted(tests::safetensors_file(seed_json, 26)));
  int kept = 0;
  for (int round = 0; round < 60'000; ++round) {
    std::string json = seed_json;
    const int changes = 1 + static_cast<int>(random() % 4);
    for (int i = 0; i < changes && !json.empty(); ++i) {
      const std::size_t at = random() % json.size();
      const char letter = alphabet[random() % alphabet.size()];
      switch (random() % 5) {
        case 0:
          json[at] = letter;
          break;
        case 1:
          json.insert(at, 1, letter);
          break;
        case 2:
          json.erase(at, 1 + random() % 4);
          break;
        case 3:
          json.insert(at, json.substr(random() % json.size(), random() % 40));
          break;
        default:
          json[at] = static_cast<char>(random());
          break;
      }
    }
    kept += accepted(tests::safetensors_file(json, 26)) ? 1 : 0;
  }
  EXPECT_GT(kept, 0) << "no mutation was harmless: the loop tests nothing";
}

TEST(SafetensorsFuzz, RandomBytesAreRefusedOrSound) {
  std::mt19937 random{fresh_seed()};
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(random() % 200, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    // Half of them get past the length.
    if (round % 2 == 0) bytes = tests::safetensors_file(bytes, random() % 8);
    accepted(bytes);
  }
}

TEST(ShardIndexFuzz, MutatedIndicesThrowNothingElse) {
  std::mt19937 random{fresh_seed()};
  const std::string seed =
      R"({"metadata":{"total_size":12},"weight_map":{"a":"m-00001-of-00002.safetensors","b":"m-00002-of-00002.safetensors"}})";
  for (int round = 0; round < 20'000; ++round) {
    std::string text = seed;
    for (int i = 0; i < 3; ++i) text[random() % text.size()] = static_cast<char>(random());
    try {
      parse_shard_index(text, "index.json");
    } catch (const Error& error) {
      ASSERT_EQ(error.category(), Category::bad_input);
    }
    try {
      parse_json(text, "read", "index.json");
    } catch (const Error& error) {
      ASSERT_EQ(error.category(), Category::bad_input);
    }
  }
}

}  // namespace
}  // namespace ditmill::registry
