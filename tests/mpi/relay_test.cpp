#include <ATen/ATen.h>

#include <cstring>

#include "configs/error.h"
#include "dist/comm/agree.h"
#include "dist/comm/late_max.h"
#include "dist/weights/stream.h"
#include "registry/digest.h"
#include "tests/mpi/mpi_test.h"
#include "tests/mpi/stream_fixture.h"

namespace ditmill::dist {
namespace {

using mpi_test::BeforeRead;
using mpi_test::world;
using registry::leaf_bytes;

constexpr std::uint64_t last_leaf = 4096 + 17;

/// A file whose every 8 bytes are made of where they are, so that it takes no memory.
class Counting final : public registry::ByteSource {
 public:
  Counting(std::uint64_t size, BeforeRead before_read) : size_(size), before_read_(std::move(before_read)) {}

  const std::string& label() const noexcept override { return label_; }
  std::uint64_t size() const noexcept override { return size_; }
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    if (before_read_) before_read_(offset, out);
    for (std::size_t i = 0; i < out.size(); i += 8) {
      const std::uint64_t word = ((offset + i) >> 3U) * 0x9E3779B97F4A7C15U;
      std::memcpy(out.data() + i, &word, std::min<std::size_t>(8, out.size() - i));
    }
  }

 private:
  std::string label_ = "/weights/0";
  std::uint64_t size_;
  BeforeRead before_read_;
};

OpenSource counting(std::uint64_t size, const BeforeRead& before_read = {}) {
  return [=](const std::string&) { return std::make_unique<Counting>(size, before_read); };
}

/// A file of so many leaves and a short one, with a tensor over the end of each.
ComponentPlan plan_of(std::uint64_t leaves) {
  registry::WeightFile file{.path = "/weights/0", .size = leaves * leaf_bytes + last_leaf, .tensors = {}};
  for (std::uint64_t i = 1; i <= leaves; ++i) {
    const std::uint64_t begin = i * leaf_bytes - 1024;
    file.tensors.push_back({.name = std::to_string(i),
                            .type = registry::ElementType::bf16,
                            .shape = {1024},
                            .begin = begin,
                            .end = begin + 2048});
  }
  return {.name = "transformer",
          .hyper_parameters = {},
          .dtype = configs::Dtype::bfloat16,
          .keep_float32 = {},
          .files = {file}};
}

/// Every rank is a machine.
StreamedComponent relay(int readers, const ComponentPlan& plan, const OpenSource& open) {
  const Nodes nodes{world(), "machine " + std::to_string(world().rank())};
  LoadOptions options;
  options.open = open;
  return stream_between(nodes, readers, plan, Mesh{world().size(), {}}, options);
}

TEST(Relay, BringsTheSameBytesWhoeverReads) {
  for (int readers = 1; readers <= world().size(); ++readers) {
    for (const std::uint64_t leaves : {0, 5, 37}) {
      const ComponentPlan plan = plan_of(leaves);
      const std::uint64_t size = plan.files[0].size;
      const StreamedComponent got = relay(readers, plan, counting(size));
      ASSERT_EQ(got.digests.at(0).leaves.size(), leaves + 1);
      EXPECT_EQ(got.reading_machines, readers);
      std::vector<std::byte> bytes(leaf_bytes);
      for (std::uint64_t i = 0; i <= leaves; ++i) {
        const std::span<std::byte> leaf = std::span{bytes}.first(i == leaves ? last_leaf : leaf_bytes);
        Counting{size, {}}.read_at(i * leaf_bytes, leaf);
        ASSERT_EQ(got.digests[0].leaves[i], registry::leaf_digest(leaf)) << i << " of " << leaves;
      }
      for (const registry::TensorInfo& tensor : plan.files[0].tensors) {
        Counting{size, {}}.read_at(tensor.begin, std::span{bytes}.first(2048));
        ASSERT_EQ(std::memcmp(got.tensors.at(tensor.name).data_ptr(), bytes.data(), 2048), 0) << tensor.name;
      }
    }
  }
}

TEST(Relay, EndsOnAllMachinesWhereOneCannotRead) {
  const ComponentPlan plan = plan_of(60);
  for (int readers = 1; readers <= world().size(); ++readers) {
    for (const std::uint64_t leaf : {1, 30, 60}) {
      const auto fails = [leaf](std::uint64_t offset, std::span<std::byte>) {
        if (offset / leaf_bytes == leaf)
          throw Error{Category::io, "read", Where{.file = "/weights/0"}, {}, Got{"Input/output error"}};
      };
      try {
        relay(readers, plan, counting(plan.files[0].size, fails));
        ADD_FAILURE() << "loaded a file that cannot be read at leaf " << leaf;
      } catch (const AgreedError& error) {
        EXPECT_EQ(error.category(), Category::io);
        EXPECT_EQ(error.where().rank, static_cast<int>(leaf % static_cast<std::uint64_t>(readers)));
        EXPECT_EQ(error.where().offset, leaf * leaf_bytes);
      }
    }
  }
}

TEST(LateMax, TellsAllRanksWhatWasLargestTwoCallsAgo) {
  for (int calls = 0; calls < 6; ++calls) {
    LateMax largest{world(), Purpose::agreement};
    for (int call = 0; call < calls; ++call) {
      const int given = 10 * (call - 2) + world().size() - 1;
      EXPECT_EQ(largest.next(10 * call + world().rank()), call < 2 ? 0 : given);
    }
    largest.finish();
  }
}

}  // namespace
}  // namespace ditmill::dist
