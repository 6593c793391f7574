#include "dist/plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "configs/error.h"

namespace ditmill::dist {
namespace {

using configs::Dtype;
using registry::ElementType;

ComponentPlan example() {
  return {
      .name = "transformer",
      .hyper_parameters = {{"heads", 12}, {"eps", 1e-6}, {"patch", {1, 2, 2}}},
      .dtype = Dtype::bfloat16,
      .keep_float32 = {"norm.weight", "time.bias"},
      .files =
          {{.path = "/models/a.safetensors",
            .size = 5'000'000'000,
            .mtime_ns = 1'700'000'000'123'456'789,
            .inode = 0xffff'ffff'ffff'ffff,
            .tensors =
                {{.name = "norm.weight", .type = ElementType::f32, .shape = {3}, .begin = 100, .end = 112},
                 {.name = "scalar", .type = ElementType::f64, .shape = {}, .begin = 112, .end = 120},
                 {.name = "empty", .type = ElementType::bf16, .shape = {0, 7}, .begin = 120, .end = 120}}},
           {.path = "/models/b.safetensors",
            .size = 4'000'000'100,
            .mtime_ns = 1,
            .inode = 2,
            .tensors = {{.name = "large",
                         .type = ElementType::bf16,
                         .shape = {50'000, 40'000},
                         .begin = 100,
                         .end = 4'000'000'100}}}},
      .named = {}};
}

void expect_equal(const ComponentPlan& a, const ComponentPlan& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.hyper_parameters, b.hyper_parameters);
  EXPECT_EQ(a.dtype, b.dtype);
  EXPECT_EQ(a.keep_float32, b.keep_float32);
  ASSERT_EQ(a.files.size(), b.files.size());
  for (std::size_t f = 0; f < a.files.size(); ++f) {
    EXPECT_EQ(a.files[f].path, b.files[f].path);
    EXPECT_EQ(a.files[f].size, b.files[f].size);
    EXPECT_EQ(a.files[f].mtime_ns, b.files[f].mtime_ns);
    EXPECT_EQ(a.files[f].inode, b.files[f].inode);
    ASSERT_EQ(a.files[f].tensors.size(), b.files[f].tensors.size());
    for (std::size_t t = 0; t < a.files[f].tensors.size(); ++t) {
      const registry::TensorInfo& x = a.files[f].tensors[t];
      const registry::TensorInfo& y = b.files[f].tensors[t];
      EXPECT_EQ(std::tie(x.name, x.type, x.shape, x.begin, x.end, x.strides),
                std::tie(y.name, y.type, y.shape, y.begin, y.end, y.strides));
    }
  }
  EXPECT_EQ(a.rules, b.rules);
  EXPECT_EQ(a.layers, b.layers);
  EXPECT_EQ(a.fsdp, b.fsdp);
  ASSERT_EQ(a.named.size(), b.named.size());
  for (std::size_t i = 0; i < a.named.size(); ++i) {
    const registry::NamedTensor& x = a.named[i];
    const registry::NamedTensor& y = b.named[i];
    EXPECT_EQ(std::tie(x.name, x.shape, x.parts, x.dim), std::tie(y.name, y.shape, y.parts, y.dim));
  }
}

/// The same, cut over a mesh.
ComponentPlan sharded() {
  ComponentPlan plan = example();
  plan.layers = 3;
  plan.fsdp = true;
  plan.rules = {{"large", {.dim = 1, .unit = 128, .stages = Stages::of_layer, .layer = 2}},
                {"scalar", {.stages = Stages::first}},
                {"empty", {.dim = 0, .stages = Stages::last}},
                {"\x80", {.dim = 0}}};
  return plan;
}

/// The same files, whose tensors have other names and are joined.
ComponentPlan renamed() {
  ComponentPlan plan = example();
  plan.files[0].tensors[0].strides = {2};
  plan.named = {{.name = "joined", .shape = {6}, .parts = {"norm.weight", "\x80"}, .dim = 0},
                {.name = "norm.weight", .shape = {50'000, 40'000}, .parts = {"large"}, .dim = 0}};
  return plan;
}

ComponentPlan through_text(const ComponentPlan& plan) {
  return component_plan_from_json(nlohmann::json::parse(to_json(plan).dump()));
}

TEST(ComponentPlan, TravelsWholeAsText) {
  expect_equal(through_text(example()), example());
  expect_equal(through_text(renamed()), renamed());
  expect_equal(through_text(sharded()), sharded());
}

TEST(ComponentPlan, TravelsWithNamesThatAreNoUtf8) {
  ComponentPlan plan = example();
  plan.files[0].path = "/models/\xff\xfe caf\xe9/a.safetensors";
  plan.files[0].tensors[0].name = "\x80";
  plan.keep_float32 = {"\x80"};
  expect_equal(through_text(plan), plan);
}

TEST(ComponentPlan, KnowsTheTypeOfEachTensor) {
  const ComponentPlan plan = example();
  EXPECT_EQ(plan.dtype_of("norm.weight"), Dtype::float32);
  EXPECT_EQ(plan.dtype_of("time.bias"), Dtype::float32);
  EXPECT_EQ(plan.dtype_of("norm.weigh"), Dtype::bfloat16);
  EXPECT_EQ(plan.dtype_of("large"), Dtype::bfloat16);
}

TEST(ComponentPlan, CountsBytesInTheTypesThatAreHeld) {
  ComponentPlan plan = example();
  EXPECT_EQ(plan.bytes_on(Mesh(1, {}), 0), 3u * 4 + 2 + 0 + 2'000'000'000u * 2);
  plan.dtype = Dtype::float32;
  EXPECT_EQ(plan.bytes_on(Mesh(1, {}), 0), 3u * 4 + 4 + 0 + std::uint64_t{2'000'000'000} * 4);
}

TEST(ComponentPlan, CountsWhatTheLayersGetWhereTheFilesHoldMore) {
  EXPECT_EQ(renamed().bytes_on(Mesh(1, {}), 0), 6u * 2 + std::uint64_t{2'000'000'000} * 4)
      << "norm.weight stays float32";
}

TEST(ComponentPlan, RefusesWhatItDidNotWrite) {
  const nlohmann::json good = to_json(sharded());
  std::vector<nlohmann::json> bad{nlohmann::json(), nlohmann::json::array(), "text"};
  for (const char* key :
       {"name", "hyper_parameters", "dtype", "keep_float32", "files", "named", "rules", "layers", "fsdp"}) {
    nlohmann::json without = good;
    without.erase(key);
    bad.push_back(without);
  }
  nlohmann::json wrong = good;
  wrong["dtype"] = "float64";
  bad.push_back(wrong);
  wrong = good;
  wrong["files"][0]["tensors"][0][1] = "F33";
  bad.push_back(wrong);
  wrong = good;
  wrong["files"][0]["tensors"][0] = {"short"};
  bad.push_back(wrong);
  for (const nlohmann::json& rule :
       {nlohmann::json{"large", 0, 1, "second", -1}, nlohmann::json{"large", -2, 1, "all", -1},
        nlohmann::json{"large", 0, 0, "all", -1}, nlohmann::json{"large", 0, 1, "of_layer", 3},
        nlohmann::json{"large", 0, 1, "of_layer", -1}, nlohmann::json{"large", 0, 1, "all"},
        nlohmann::json{"large", "0", 1, "all", -1}}) {
    wrong = good;
    wrong["rules"][0] = rule;
    bad.push_back(wrong);
  }
  for (const nlohmann::json& each : bad) {
    try {
      component_plan_from_json(each);
      ADD_FAILURE() << each.dump();
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::internal);
    }
  }
}

}  // namespace
}  // namespace ditmill::dist
