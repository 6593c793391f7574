#include "dist/weights/stream.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "configs/error.h"
#include "registry/digest.h"
#include "tests/mpi/mpi_test.h"
#include "tests/mpi/stream_fixture.h"

namespace ditmill::dist {
namespace {

using mpi_test::Files;
using mpi_test::make_file_of;
using mpi_test::make_files;
using mpi_test::world;
using registry::ElementType;
using registry::leaf_bytes;

at::ScalarType in_file(ElementType type) {
  switch (type) {
    case ElementType::f64:
      return at::kDouble;
    case ElementType::f16:
      return at::kHalf;
    case ElementType::bf16:
      return at::kBFloat16;
    default:
      return at::kFloat;
  }
}

at::Tensor expected_tensor(const Files& files, std::size_t file, const registry::TensorInfo& info) {
  const std::vector<std::int64_t> shape(info.shape.begin(), info.shape.end());
  const at::Tensor raw = at::empty(shape, in_file(info.type));
  std::memcpy(raw.data_ptr(), files.bytes[file].data() + info.begin, raw.nbytes());
  return raw.to(files.plan.dtype_of(info.name) == configs::Dtype::float32 ? at::kFloat : at::kBFloat16);
}

void expect_streamed(const Files& files) {
  const StreamedComponent streamed =
      stream_component(world(), files.plan, Mesh(world().size(), {}), files.open());
  std::size_t tensors = 0;
  std::uint64_t bytes = 0;
  ASSERT_EQ(streamed.digests.size(), files.plan.files.size());
  for (std::size_t f = 0; f < files.plan.files.size(); ++f) {
    for (const registry::TensorInfo& info : files.plan.files[f].tensors) {
      const at::Tensor expected = expected_tensor(files, f, info);
      const at::Tensor& got = streamed.tensors.at(info.name);
      ASSERT_EQ(got.scalar_type(), expected.scalar_type()) << info.name;
      ASSERT_EQ(got.sizes(), expected.sizes()) << info.name;
      ASSERT_TRUE(got.is_contiguous()) << info.name;
      EXPECT_EQ(std::memcmp(got.data_ptr(), expected.data_ptr(), expected.nbytes()), 0) << info.name;
      ++tensors;
    }
    const registry::FileDigest expected =
        registry::digest_file(*registry::memory_source("m", files.bytes[f]));
    EXPECT_EQ(streamed.digests[f].size, expected.size);
    EXPECT_EQ(streamed.digests[f].leaves, expected.leaves);
    bytes += files.bytes[f].size();
  }
  EXPECT_EQ(streamed.tensors.size(), tensors);
  EXPECT_EQ(streamed.bytes, bytes);
  EXPECT_GE(streamed.seconds, 0);
}

TEST(Stream, BringsEveryBitToEveryRankAtEverySize) {
  for (const std::uint64_t size : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{4097}, leaf_bytes - 1,
                                   leaf_bytes, leaf_bytes + 1, 2 * leaf_bytes, 5 * leaf_bytes + 3}) {
    SCOPED_TRACE(size);
    expect_streamed(make_file_of(size));
  }
}

TEST(Stream, GoesOnPastAgreements) {
  for (const std::uint64_t chunks : {16, 17}) expect_streamed(make_file_of(chunks * leaf_bytes));
}

TEST(Stream, BringsManyTensorsOfManyTypesAndFiles) {
  for (const configs::Dtype dtype : {configs::Dtype::float32, configs::Dtype::bfloat16}) {
    std::vector<std::vector<mpi_test::Wanted>> wanted(3);
    for (int i = 0; i < 200; ++i) {
      constexpr std::array types{ElementType::f32, ElementType::bf16, ElementType::f16, ElementType::f64};
      const auto rows = static_cast<std::uint64_t>(i * 37 % 301);
      wanted[static_cast<std::size_t>(i) % 3].push_back(
          {"block." + std::to_string(i), types[static_cast<std::size_t>(i / 3) % 4], {rows, 97}});
    }
    wanted[1].push_back({"scalar", ElementType::f32, {}});
    wanted[1].push_back({"three leaves", ElementType::f32, {3 * leaf_bytes / 4 + 11}});
    wanted[1].push_back({"nothing", ElementType::f32, {4, 0}});
    for (const std::uint64_t header : {0, 8, 101}) {
      Files files = make_files(wanted, header, dtype);
      files.plan.keep_float32 = {"block.100", "block.101", "block.102", "block.7", "three leaves"};
      expect_streamed(files);
    }
  }
}

TEST(Stream, GivesEachRankItsSlice) {
  const int ranks = world().size();
  Files files = make_files({{{"rows", ElementType::bf16, {leaf_bytes / 64, 97}},
                             {"blocks.0.columns", ElementType::bf16, {1000, 103}},
                             {"whole", ElementType::bf16, {1001}}},
                            {{"blocks.1.rows", ElementType::bf16, {501, 77}}}},
                           13);
  files.plan.rules = {{"rows", {.dim = 0, .unit = 4}},
                      {"blocks.0.columns", {.dim = 1, .stages = Stages::of_layer, .layer = 0}},
                      {"blocks.1.rows", {.dim = 0, .stages = Stages::of_layer, .layer = 1}}};
  files.plan.layers = 2;
  const Mesh mesh(ranks, {.dp = {}, .tp = ranks});
  const TensorMap tensors = stream_component(world(), files.plan, mesh, files.open()).tensors;
  ASSERT_EQ(tensors.size(), 4U);
  for (std::size_t f = 0; f < files.plan.files.size(); ++f) {
    for (const registry::TensorInfo& info : files.plan.files[f].tensors) {
      at::Tensor expected = expected_tensor(files, f, info);
      const ShardRule rule = files.plan.rule_of(info.name);
      if (rule.dim != ShardRule::whole) {
        const Range range = tp_range(rule, expected.size(rule.dim), world().rank(), ranks);
        expected = expected.narrow(rule.dim, range.begin, range.size()).contiguous();
      }
      const at::Tensor& got = tensors.at(info.name);
      ASSERT_EQ(got.sizes(), expected.sizes()) << info.name;
      ASSERT_TRUE(got.is_contiguous()) << info.name;
      EXPECT_EQ(std::memcmp(got.data_ptr(), expected.data_ptr(), expected.nbytes()), 0) << info.name;
    }
  }

  files.plan.fsdp = true;
  const Mesh sharded(ranks, {.dp = {}, .ring = ranks});
  const StreamedComponent streamed = stream_component(world(), files.plan, sharded, files.open());
  EXPECT_EQ(streamed.tensors.size(), 4U) << "two tensors, two shards";
  ASSERT_EQ(streamed.blocks.size(), 2U);
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : streamed.tensors) bytes += tensor.nbytes();
  EXPECT_EQ(bytes, files.plan.bytes_on(sharded, world().rank()));
  const at::Tensor whole = expected_tensor(files, 1, files.plan.files[1].tensors[0]);
  const Range shard = shard_range(streamed.blocks.at(1), sharded, world().rank());
  const std::int64_t mine = std::min(shard.end, static_cast<std::int64_t>(whole.nbytes())) - shard.begin;
  EXPECT_EQ(std::memcmp(streamed.tensors.at("blocks.1").data_ptr(),
                        static_cast<const std::byte*>(whole.data_ptr()) + shard.begin,
                        static_cast<std::size_t>(mine)),
            0);
}

TEST(Stream, RefusesAMeshOfAnotherWorld) {
  const Files files = make_file_of(100);
  EXPECT_THROW(stream_component(world(), files.plan, Mesh(world().size() + 1, {}), files.open()), Error);
}

TEST(Stream, TakesFilesAndPlansWithoutTensors) {
  expect_streamed(make_files({}, 0));
  expect_streamed(make_files({{}}, 0));
  expect_streamed(make_files({{}, {}}, 100));
  expect_streamed(make_files({{{"nothing", ElementType::bf16, {0}}}}, 0));
  expect_streamed(
      make_files({{{"nothing", ElementType::bf16, {0}}}, {{"more", ElementType::f32, {0, 2}}}}, leaf_bytes));
}

TEST(Stream, ReadsEachByteOnceOnRankZeroOnly) {
  const Files files =
      make_files({{{"a", ElementType::bf16, {leaf_bytes}}}, {{"b", ElementType::f32, {1000}}}}, 64);
  std::atomic<std::uint64_t> read = 0;
  std::atomic<std::uint64_t> furthest = 0;
  std::atomic<int> opened = 0;
  const OpenSource open = mpi_test::watched(files, [&](std::uint64_t offset, std::span<std::byte> out) {
    // Threads share a chunk of files that may be on another machine, as these may.
    EXPECT_TRUE(offset == 0 || offset + 2 * leaf_bytes > furthest) << "front to back";
    read += out.size();
    furthest = offset + out.size();
  });
  stream_component(world(), files.plan, Mesh(world().size(), {}), [&](const std::string& path) {
    ++opened;
    return open(path);
  });
  EXPECT_EQ(read, world().rank() == 0 ? files.bytes[0].size() + files.bytes[1].size() : 0u);
  EXPECT_EQ(opened, world().rank() == 0 ? 2 : 0);
}

TEST(Stream, BroadcastsInChunksOfALeafNeverByTensor) {
  std::vector<mpi_test::Wanted> wanted;
  for (int i = 0; i < 1000; ++i) wanted.push_back({"t" + std::to_string(i), ElementType::bf16, {5000}});
  const Files files = make_files({wanted}, 8);
  const Communicator comm = mpi_test::session().world();
  stream_component(comm, files.plan, Mesh(comm.size(), {}), files.open());
  const Traffic traffic = comm.traffic(Purpose::weights);
  const std::uint64_t chunks = (files.bytes[0].size() + leaf_bytes - 1) / leaf_bytes;
  EXPECT_EQ(traffic.calls, chunks);
  EXPECT_EQ(traffic.bytes, files.bytes[0].size() + chunks * 64)
      << "a header of 64 bytes goes with each chunk";
}

}  // namespace
}  // namespace ditmill::dist
