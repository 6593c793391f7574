#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <map>

#include "configs/error.h"
#include "dist/weights/tensors/assembler.h"
#include "tests/dist/assembler_fixture.h"
#include "tests/models/tensor_peak.h"

namespace ditmill::dist {
namespace {

using assembler_test::assemble;
using assembler_test::every_type;
using assembler_test::Layout;
using assembler_test::same_bits;
using assembler_test::views;
using configs::Dtype;
using registry::ElementType;

/// NaNs are one number: which one depends on where LibTorch's vectors end.
bool same_numbers(const at::Tensor& a, const at::Tensor& b) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return a.is_contiguous() && same_bits(at::nan_to_num(a, 7, infinity, -infinity),
                                        at::nan_to_num(b.contiguous(), 7, infinity, -infinity));
}

/// Every rank's slices, in chunks of several sizes, are those of the tensors loaded whole.
void expect_slices(const Layout& layout, const Mesh& mesh) {
  ComponentPlan uncut = layout.plan;
  uncut.rules.clear();
  const TensorMap whole = assemble(uncut, layout.files, 1ul << 20);
  for (const std::size_t step : {1ul, 7ul, 100ul, 1000ul, 1ul << 20}) {
    for (int rank = 0; rank < mesh.world(); ++rank) {
      const TensorMap tensors = assemble(layout.plan, layout.files, step, mesh, rank);
      ASSERT_EQ(tensors.size(), whole.size());
      for (const auto& [name, tensor] : whole) {
        const ShardRule rule = layout.plan.rule_of(name);
        at::Tensor want = tensor;
        if (rule.dim != ShardRule::whole) {
          const Range range =
              tp_range(rule, tensor.size(rule.dim), mesh.coordinate(rank, Axis::tp), mesh.degree(Axis::tp));
          want = tensor.narrow(rule.dim, range.begin, range.size());
        }
        EXPECT_TRUE(same_numbers(tensors.at(name), want))
            << name << " on rank " << rank << " of " << mesh.world() << " in chunks of " << step;
      }
    }
  }
}

TEST(Assembler, KeepsTheSlicesOfTheWholeTensor) {
  for (const Dtype dtype : {Dtype::float32, Dtype::bfloat16}) {
    Layout layout = every_type(dtype);
    for (const char* type : {"F64", "F32", "F16", "BF16"}) {
      const std::string scope = std::string(type) + ".";
      layout.plan.rules[scope + "kept"] = {.dim = 0, .unit = 77};
      layout.plan.rules[scope + "empty"] = {.dim = 0};
      for (const int dim : {0, 1, 2}) {
        layout.plan.rules[scope + "last"] = {.dim = dim};
        if (dim < 2) layout.plan.rules[scope + "matrix"] = {.dim = dim, .unit = dim == 0 ? 5 : 1};
        for (const int tp : {2, 3, 4}) expect_slices(layout, Mesh(tp, {.dp = {}, .tp = tp}));
      }
    }
  }
}

TEST(Assembler, CutsViewsWhateverTheirStrides) {
  for (const ElementType type : {ElementType::f32, ElementType::bf16}) {
    for (const int dim : {0, 1}) {
      Layout layout = views(type, Dtype::bfloat16);
      for (const char* name : {"transposed", "expanded", "inner"}) layout.plan.rules[name] = {.dim = dim};
      layout.plan.rules["every third"] = {.dim = 0, .unit = 9};
      for (const int tp : {2, 3}) expect_slices(layout, Mesh(tp, {.dp = {}, .tp = tp}));
    }
  }
}

TEST(Assembler, CutsWhatItJoins) {
  Layout layout = every_type(Dtype::bfloat16);
  layout.plan.named = {
      {.name = "rows", .shape = {111, 53}, .parts = {"BF16.matrix", "F64.matrix", "F16.matrix"}, .dim = 0},
      {.name = "columns", .shape = {2, 6, 5}, .parts = {"F32.last", "BF16.last"}, .dim = 1},
      {.name = "renamed", .shape = {1001}, .parts = {"F16.kept"}, .dim = 0}};
  layout.plan.rules["renamed"] = {.dim = 0};
  for (const int dim : {0, 1}) {
    layout.plan.rules["rows"] = {.dim = dim, .unit = 4};
    layout.plan.rules["columns"] = {.dim = dim};
    for (const int tp : {2, 3, 5}) expect_slices(layout, Mesh(tp, {.dp = {}, .tp = tp}));
  }
}

TEST(Assembler, LeavesOutWhatOtherStagesHold) {
  Layout layout = every_type(Dtype::bfloat16);
  layout.plan.layers = 3;
  layout.plan.rules = {{"F32.matrix", {.stages = Stages::first}},
                       {"F32.empty", {.stages = Stages::first}},
                       {"BF16.matrix", {.stages = Stages::last}},
                       {"F16.matrix", {.stages = Stages::of_layer, .layer = 0}},
                       {"F16.last", {.stages = Stages::of_layer, .layer = 1}},
                       {"F64.matrix", {.dim = 0, .stages = Stages::of_layer, .layer = 2}}};
  const Mesh mesh(4, {.dp = {}, .pp = 2, .tp = 2});
  for (int rank = 0; rank < 4; ++rank) {
    const TensorMap tensors = assemble(layout.plan, layout.files, 100, mesh, rank);
    const bool first = rank < 2;
    for (const char* name : {"F32.matrix", "F32.empty", "F16.matrix", "F16.last"}) {
      EXPECT_EQ(tensors.contains(name), first) << name;
    }
    for (const char* name : {"BF16.matrix", "F64.matrix"}) EXPECT_EQ(tensors.contains(name), !first) << name;
    EXPECT_EQ(tensors.size(), first ? 26U : 24U);
  }
}

/// The files of every_type() as two blocks of a transformer, with a tensor beside them and one that is
/// joined.
Layout two_blocks() {
  Layout layout = every_type(Dtype::bfloat16);
  layout.plan.keep_float32 = {"blocks.0.kept", "blocks.1.kept"};
  layout.plan.layers = 2;
  layout.plan.named = {
      {.name = "blocks.0.attn.in", .shape = {37, 53}, .parts = {"BF16.matrix"}, .dim = 0},
      {.name = "blocks.0.attn.out", .shape = {37, 53}, .parts = {"F32.matrix"}, .dim = 0},
      {.name = "blocks.0.kept", .shape = {1001}, .parts = {"F32.kept"}, .dim = 0},
      {.name = "blocks.0.nothing", .shape = {3, 0, 2}, .parts = {"F32.empty"}, .dim = 0},
      {.name = "blocks.1.attn.in", .shape = {74, 53}, .parts = {"F16.matrix", "F64.matrix"}, .dim = 0},
      {.name = "blocks.1.kept", .shape = {1001}, .parts = {"F16.kept"}, .dim = 0},
      {.name = "beside", .shape = {2, 3, 5}, .parts = {"BF16.last"}, .dim = 0}};
  for (const registry::NamedTensor& tensor : layout.plan.named) {
    if (tensor.name == "beside") continue;
    ShardRule rule{.stages = Stages::of_layer, .layer = tensor.name[7] - '0'};
    if (tensor.name.ends_with("in")) rule.dim = 0;
    if (tensor.name.ends_with("out")) rule.dim = 1;
    layout.plan.rules[tensor.name] = rule;
  }
  return layout;
}

/// The tensors of a block whose shards are joined.
std::map<std::string, at::Tensor> unpack(const BlockLayout& layout, const at::Tensor& bytes) {
  std::map<std::string, at::Tensor> tensors;
  for (const BlockTensor& tensor : layout.tensors) {
    const at::ScalarType type = tensor.dtype == Dtype::float32 ? at::kFloat : at::kBFloat16;
    at::Tensor value = at::empty(tensor.shape, type);
    value.view({-1}).view(at::kByte).copy_(
        bytes.narrow(0, static_cast<std::int64_t>(tensor.offset), static_cast<std::int64_t>(value.nbytes())));
    tensors[tensor.name] = value;
  }
  return tensors;
}

TEST(Assembler, DealsBlocksOutSoThatAllShardsTogetherAreTheBlock) {
  for (const auto& degrees :
       {configs::ParallelConfig{.dp = {}, .ulysses = 2}, configs::ParallelConfig{.dp = {}, .ring = 3},
        configs::ParallelConfig{.dp = {}, .cfg = 2, .ulysses = 2, .pp = 2, .tp = 2},
        configs::ParallelConfig{.dp = {}, .cfg = 2, .ring = 2, .ulysses = 3, .tp = 3}}) {
    const Mesh mesh(degrees.group_size(), degrees);
    Layout layout = two_blocks();
    for (const std::size_t step : {7ul, 1000ul, 1ul << 20}) {
      layout.plan.fsdp = false;
      std::vector<TensorMap> own;
      for (int rank = 0; rank < mesh.world(); ++rank) {
        own.push_back(assemble(layout.plan, layout.files, step, mesh, rank));
      }
      layout.plan.fsdp = true;
      std::map<std::array<int, 3>, std::vector<at::Tensor>> shards;  // by layer, tp and pp
      for (int rank = 0; rank < mesh.world(); ++rank) {
        const TensorMap tensors = assemble(layout.plan, layout.files, step, mesh, rank);
        const auto blocks = block_layouts(layout.plan, mesh, rank);
        EXPECT_EQ(tensors.size(), blocks.size() + 1) << "and the one beside";
        for (const auto& [layer, block] : blocks) {
          const at::Tensor& shard = tensors.at(block_name({}, layer));
          ASSERT_EQ(shard.numel(), shard_range(block, mesh, rank).size());
          shards[{static_cast<int>(layer), mesh.coordinate(rank, Axis::tp), mesh.coordinate(rank, Axis::pp)}]
              .push_back(shard);
        }
      }
      for (int rank = 0; rank < mesh.world(); ++rank) {
        for (const auto& [layer, block] : block_layouts(layout.plan, mesh, rank)) {
          const at::Tensor bytes = at::cat(shards.at(
              {static_cast<int>(layer), mesh.coordinate(rank, Axis::tp), mesh.coordinate(rank, Axis::pp)}));
          ASSERT_EQ(bytes.numel(), static_cast<std::int64_t>(block.bytes));
          for (const auto& [name, tensor] : unpack(block, bytes)) {
            EXPECT_TRUE(same_numbers(
                tensor, own[static_cast<std::size_t>(rank)].at(block_name({}, layer) + "." + name)))
                << layer << " " << name << " of rank " << rank;
          }
        }
      }
    }
  }
}

TEST(Assembler, MakesOnceMoreWhatItIsAskedForAndLeavesTheRest) {
  Layout layout = two_blocks();
  std::vector<std::vector<std::byte>> spoilt = layout.files;
  for (std::vector<std::byte>& file : spoilt) {
    for (std::byte& byte : file) byte ^= std::byte{0x15};
  }
  const Mesh mesh(4, {.dp = {}, .ulysses = 2, .tp = 2});
  for (const bool fsdp : {false, true}) {
    layout.plan.fsdp = fsdp;
    for (int rank = 0; rank < mesh.world(); ++rank) {
      const TensorMap expected = assemble(layout.plan, layout.files, 100, mesh, rank);
      Assembler assembler(layout.plan, mesh, rank);
      const auto feed = [&](const std::vector<std::vector<std::byte>>& files) {
        for (std::size_t f = 0; f < files.size(); ++f) {
          for (std::size_t at = 0; at < files[f].size(); at += 100) {
            const std::size_t length = std::min<std::size_t>(100, files[f].size() - at);
            assembler.add({.file = f, .offset = at, .length = length},
                          std::span{files[f]}.subspan(at, length));
          }
        }
      };
      const std::size_t targets = Places(layout.plan, mesh, rank).targets().size();
      std::vector<bool> odd(targets);
      for (std::size_t i = 1; i < targets; i += 2) odd[i] = true;
      std::vector<bool> even = odd;
      even.flip();
      feed(spoilt);
      for (const std::vector<bool>& some : {odd, even}) {
        assembler.make_again(some);
        feed(layout.files);
      }
      assembler.make_again(std::vector<bool>(targets));
      feed(spoilt);
      const TensorMap made = assembler.finish();
      ASSERT_EQ(made.size(), expected.size());
      for (const auto& [name, tensor] : expected) EXPECT_TRUE(same_bits(made.at(name), tensor)) << name;
    }
  }
}

TEST(Assembler, NeverMakesTheWholeOfATensorThatIsCut) {
  auto& peak = models::TensorPeak::installed();
  constexpr std::uint64_t rows = 40'000;
  for (const auto& [type, dim] : {std::pair{ElementType::bf16, 0}, std::pair{ElementType::bf16, 1},
                                  std::pair{ElementType::f32, 0}, std::pair{ElementType::f32, 1}}) {
    const std::uint64_t width = type == ElementType::bf16 ? 2 : 4;
    Layout layout;
    registry::WeightFile file{.path = "large", .size = rows * 64 * width, .tensors = {}};
    file.tensors.push_back({.name = "large", .type = type, .shape = {rows, 64}, .end = file.size});
    layout.files.emplace_back(file.size);
    layout.plan.files.push_back(file);
    layout.plan.rules["large"] = {.dim = dim};
    const std::uint64_t bytes = peak.of([&] {
      const TensorMap tensors =
          assemble(layout.plan, layout.files, 1ul << 20, Mesh(4, {.dp = {}, .tp = 4}), 1);
      EXPECT_EQ(tensors.at("large").numel(), rows * 16);
    });
    const std::uint64_t slice = rows * 16;
    EXPECT_LE(bytes, type == ElementType::bf16 ? slice * 2 : slice * (4 + 2)) << "with what is converted";
  }
}

TEST(Assembler, RefusesRulesAndPartsThatDoNotFitTheFiles) {
  const Layout good = every_type(Dtype::bfloat16);
  const auto refused = [&](const ComponentPlan& plan) {
    try {
      const Assembler assembler(plan, Mesh(2, {.dp = {}, .tp = 2}), 0);
    } catch (const Error& error) {
      return error.category() == Category::internal;
    }
    return false;
  };
  EXPECT_FALSE(refused(good.plan));
  ComponentPlan plan = good.plan;
  plan.rules["F32.matrix"] = {.dim = 2};
  EXPECT_TRUE(refused(plan)) << "no such dimension";
  for (const registry::NamedTensor& named :
       {registry::NamedTensor{.name = "a", .shape = {37, 53}, .parts = {"nobody"}, .dim = 0},
        registry::NamedTensor{.name = "a", .shape = {36, 53}, .parts = {"F32.matrix"}, .dim = 0},
        registry::NamedTensor{
            .name = "a", .shape = {74, 53}, .parts = {"F32.matrix", "F32.last"}, .dim = 0}}) {
    plan = good.plan;
    plan.named = {named};
    EXPECT_TRUE(refused(plan)) << named.parts.back();
  }
  plan = good.plan;
  plan.named = {{.name = "a", .shape = {37, 53}, .parts = {"F32.matrix"}, .dim = 0},
                {.name = "b", .shape = {37, 53}, .parts = {"F32.matrix"}, .dim = 0}};
  EXPECT_TRUE(refused(plan)) << "a part of two tensors";
}

}  // namespace
}  // namespace ditmill::dist
