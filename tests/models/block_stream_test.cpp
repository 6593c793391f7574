#include "models/offload/block_stream.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>

#include "configs/error.h"

namespace ditmill::models {
namespace {

/// Blocks of one tensor "w" of eight numbers, each the block's own.
class NumberedBlocks final : public dist::OffloadedWeights {
 public:
  explicit NumberedBlocks(std::size_t count) : OffloadedWeights(pieces_of(count)) {}

  void fetch(std::size_t i, const at::Tensor& buffer) override {
    if (i == broken) throw Error{Category::io, "read offloaded weights", {}, {}, Got{"Input/output error"}};
    ++fetched;
    dist::tensors_in(pieces()[i].layout, buffer).at("w").fill_(static_cast<double>(i));
  }

  std::atomic<int> fetched = 0;
  std::size_t broken = static_cast<std::size_t>(-1);

 private:
  static std::vector<dist::Piece> pieces_of(std::size_t count) {
    std::vector<dist::Piece> pieces;
    for (std::size_t i = 0; i < count; ++i) {
      pieces.push_back(
          {.layer = static_cast<std::int64_t>(i),
           .layout = dist::lay_out({{.name = "w", .dtype = configs::Dtype::float32, .shape = {8}}})});
    }
    return pieces;
  }
};

double number_of(BlockSource& blocks, std::size_t i) {
  const at::Tensor tensor = blocks.take(i).at("w");
  EXPECT_TRUE(at::equal(tensor, at::full_like(tensor, tensor[0].item<double>())));
  return tensor[0].item<double>();
}

TEST(BlockStream, GivesEachBlockInTurnForEver) {
  for (const int ahead : {0, 1, 2, 7}) {
    for (const std::size_t count : {1U, 2U, 5U}) {
      BlockStream blocks(std::make_shared<NumberedBlocks>(count), ahead, at::kCPU);
      ASSERT_EQ(blocks.size(), count);
      for (int pass = 0; pass < 3; ++pass) {
        for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(number_of(blocks, i), static_cast<double>(i));
      }
    }
  }
}

TEST(BlockStream, BeginsAnewAfterAPassThatEndedEarly) {
  BlockStream blocks(std::make_shared<NumberedBlocks>(5), 2, at::kCPU);
  EXPECT_EQ(number_of(blocks, 0), 0);
  EXPECT_EQ(number_of(blocks, 1), 1);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(number_of(blocks, i), static_cast<double>(i));
}

TEST(BlockStream, FetchesNoFurtherThanItIsTold) {
  const auto weights = std::make_shared<NumberedBlocks>(9);
  {
    BlockStream blocks(weights, 2, at::kCPU);
    EXPECT_EQ(number_of(blocks, 0), 0);
    EXPECT_EQ(number_of(blocks, 1), 1);
  }  // it waits for its thread
  EXPECT_LE(weights->fetched, 4) << "the second is in use, two are ahead";
}

TEST(BlockStream, FailsWhereAFetchDidAndEverAfter) {
  const auto weights = std::make_shared<NumberedBlocks>(4);
  weights->broken = 2;
  BlockStream blocks(weights, 1, at::kCPU);
  EXPECT_EQ(number_of(blocks, 0), 0);
  EXPECT_EQ(number_of(blocks, 1), 1);
  for (const std::size_t i : {2U, 3U, 0U}) {
    try {
      blocks.take(i);
      FAIL() << i;
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::io);
      EXPECT_THAT(error.what(), testing::HasSubstr("Input/output error"));
    }
  }
}

}  // namespace
}  // namespace ditmill::models
