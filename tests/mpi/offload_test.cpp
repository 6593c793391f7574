#include <ATen/ATen.h>

#include <cstring>
#include <map>
#include <mutex>

#include "configs/error.h"
#include "dist/weights/load.h"
#include "dist/weights/offload/weights_on_host.h"
#include "registry/digest.h"
#include "tests/mpi/mpi_test.h"
#include "tests/mpi/stream_fixture.h"

namespace ditmill::dist {
namespace {

using configs::OffloadType;
using mpi_test::Files;
using mpi_test::make_files;
using mpi_test::Wanted;
using mpi_test::world;
using registry::ElementType;
using registry::leaf_bytes;
using testing::HasSubstr;

/// Four blocks over two files, of several types, each with a tensor that tp cuts, and one larger than a
/// chunk.
Files four_blocks() {
  std::vector<std::vector<Wanted>> wanted(2);
  constexpr std::array types{ElementType::bf16, ElementType::f32, ElementType::f16};
  for (std::size_t layer = 0; layer < 4; ++layer) {
    const std::string block = "blocks." + std::to_string(layer) + ".";
    wanted[layer / 2].push_back({block + "cut", types[layer % 3], {24, 96}});
    wanted[1 - layer / 2].push_back({block + "norm", ElementType::f32, {77}});
  }
  wanted[0].push_back({"blocks.1.large", ElementType::bf16, {3 * leaf_bytes / 64, 32}});
  wanted[1].push_back({"beside", ElementType::f32, {5}});
  Files files = make_files(wanted, 101, configs::Dtype::bfloat16);
  for (std::int64_t layer = 0; layer < 4; ++layer) {
    const std::string block = block_name({}, layer) + ".";
    files.plan.rules[block + "cut"] = {.dim = 0, .unit = 2, .stages = Stages::of_layer, .layer = layer};
    files.plan.rules[block + "norm"] = {.stages = Stages::of_layer, .layer = layer};
    files.plan.keep_float32.push_back(block + "norm");
  }
  files.plan.rules["blocks.1.large"] = {.dim = 1, .stages = Stages::of_layer, .layer = 1};
  files.plan.layers = 4;
  return files;
}

at::Tensor fetched(OffloadedWeights& weights, std::size_t i) {
  at::Tensor buffer =
      at::full({static_cast<std::int64_t>(weights.pieces()[i].layout.bytes)}, 0xAB, at::kByte);
  weights.fetch(i, buffer);
  return buffer;
}

void expect_pieces(OffloadedWeights& weights, const TensorMap& all) {
  for (std::size_t i = weights.pieces().size(); i-- > 0;) {  // in any order
    const Piece& piece = weights.pieces()[i];
    const at::Tensor buffer = fetched(weights, i);
    for (const auto& [name, tensor] : tensors_in(piece.layout, buffer)) {
      const at::Tensor& expected = all.at(piece.prefix() + name);
      ASSERT_EQ(tensor.scalar_type(), expected.scalar_type()) << name;
      ASSERT_EQ(tensor.sizes(), expected.sizes()) << name;
      EXPECT_EQ(std::memcmp(tensor.data_ptr(), expected.data_ptr(), expected.nbytes()), 0) << name;
    }
  }
}

TEST(Offload, PiecesHaveTheBitsOfWhatIsHeld) {
  const int ranks = world().size();
  const Files files = four_blocks();
  const Nodes nodes{world(), "all"};
  for (const Mesh& mesh : {Mesh(ranks, {.dp = {}, .tp = ranks}), Mesh(ranks, {.dp = {}, .pp = ranks})}) {
    const StreamedComponent all = stream_component(world(), files.plan, mesh, files.open());
    for (const OffloadType type : {OffloadType::sequential, OffloadType::async, OffloadType::stages}) {
      for (const configs::Strategy strategy :
           {configs::Strategy::broadcast, configs::Strategy::independent}) {
        ComponentPlan plan = files.plan;
        plan.offload = {.type = type};
        const StreamedComponent some =
            load_component(nodes, plan, mesh, {.strategy = strategy, .open = files.open()});
        ASSERT_NE(some.offloaded, nullptr);
        expect_pieces(*some.offloaded, all.tensors);
        std::size_t come = 0;
        for (const Piece& piece : some.offloaded->pieces()) come += piece.layout.tensors.size();
        EXPECT_EQ(some.tensors.size() + come, all.tensors.size());
        EXPECT_EQ(some.digests[0].leaves, all.digests[0].leaves);
        // The same from memory, as for a device.
        TensorMap held = all.tensors;
        WeightsOnHost on_host(offloaded_pieces(plan, mesh, world().rank()), held, /*pinned=*/false);
        expect_pieces(on_host, all.tensors);
        EXPECT_EQ(held.size(), some.tensors.size());
      }
    }
  }
}

TEST(Offload, ReadsAChunkOnceMoreThatChangedOnItsWay) {
  Files files = four_blocks();
  files.plan.offload = {.type = OffloadType::sequential};
  std::mutex mutex;  // a thread reads ahead
  std::map<std::uint64_t, int> reads;
  bool flips = false;
  const OpenSource open = mpi_test::watched(files, [&](std::uint64_t offset, std::span<std::byte>) {
    const std::scoped_lock lock(mutex);
    ++reads[offset];
    if (flips && offset == 2 * leaf_bytes) files.bytes[0][2 * leaf_bytes] ^= std::byte{1};  // there and back
  });
  const StreamedComponent loaded = load_component(Nodes{world(), "all"}, files.plan, Mesh(world().size(), {}),
                                                  {.strategy = configs::Strategy::independent, .open = open});
  const at::Tensor expected = fetched(*loaded.offloaded, 1);
  reads.clear();
  flips = true;
  const at::Tensor got = fetched(*loaded.offloaded, 1);
  EXPECT_EQ(std::memcmp(got.data_ptr(), expected.data_ptr(), expected.nbytes()), 0);
  EXPECT_EQ(reads[leaf_bytes], 1);
  EXPECT_EQ(reads[2 * leaf_bytes], 2);
}

TEST(Offload, NamesFileAndTensorOfWhatHasChangedSinceItWasLoaded) {
  Files files = four_blocks();
  files.plan.offload = {.type = OffloadType::sequential};
  const Nodes nodes{world(), "all"};
  const StreamedComponent loaded =
      load_component(nodes, files.plan, Mesh(world().size(), {}),
                     {.strategy = configs::Strategy::independent, .open = files.open()});
  fetched(*loaded.offloaded, 1);
  files.bytes[0][2 * leaf_bytes] ^= std::byte{1};
  try {
    fetched(*loaded.offloaded, 1);
    FAIL() << "block 1 is larger than a chunk";
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::io);
    EXPECT_THAT(error.what(), HasSubstr("blocks.1.large"));
    EXPECT_THAT(error.what(), HasSubstr("as they were loaded"));
    EXPECT_EQ(error.where().rank, world().rank());
  }
  fetched(*loaded.offloaded, 3);  // of the other file's chunks
}

}  // namespace
}  // namespace ditmill::dist
