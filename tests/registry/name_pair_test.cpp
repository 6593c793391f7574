#include "registry/identity/name_pair.h"

#include <gmock/gmock.h>

#include "registry/identity/catalog.h"

namespace ditmill::registry {
namespace {

using testing::ElementsAre;

std::vector<NamePair> pairs(std::initializer_list<std::pair<const char*, const char*>> rows) {
  std::vector<NamePair> all;
  for (const auto& [file, layer] : rows) {
    const auto parsed = parse_name_pair(file, layer);
    EXPECT_TRUE(parsed) << file;
    if (parsed) all.insert(all.end(), parsed->begin(), parsed->end());
  }
  return all;
}

TEST(NamePair, ListsStandForTheirWordsTogether) {
  const std::vector<NamePair> all = pairs({{"x.{0,2}.{a,b}", "{one,two}.{a,b}_"}});
  std::vector<std::string> texts;
  for (const NamePair& each : all) texts.push_back(each.file + ">" + each.layer);
  EXPECT_THAT(texts, ElementsAre("x.0.a>one.a_", "x.0.b>one.b_", "x.2.a>two.a_", "x.2.b>two.b_"));
}

TEST(NamePair, RefusesWhatHasNoReverse) {
  for (const auto& [file, layer] : {std::pair{"a.{n}", "b"},
                                    {"a", "b.{n}"},
                                    {"{a,b}", "c"},
                                    {"", "a"},
                                    {"a{", "a"},
                                    {"{n", "{n"},
                                    {"a.{m}", "b.{m}"},
                                    {"{a,}", "{b,c}"},
                                    {"}a{", "x"}}) {
    EXPECT_FALSE(parse_name_pair(file, layer)) << file << " " << layer;
  }
}

TEST(NamePair, RenamesBeginningsUpToADot) {
  const std::vector<NamePair> all =
      pairs({{"blocks.{n}.ffn.0", "blocks.{n}.ffn.net.0.proj"}, {"head", "out"}, {"extra", ""}});
  EXPECT_EQ(layer_name("blocks.12.ffn.0.weight", all), "blocks.12.ffn.net.0.proj.weight");
  EXPECT_EQ(layer_name("blocks.12.ffn.01.weight", all), "blocks.12.ffn.01.weight");
  EXPECT_EQ(layer_name("blocks.x.ffn.0.weight", all), "blocks.x.ffn.0.weight");
  EXPECT_EQ(layer_name("head", all), "out");
  EXPECT_EQ(layer_name("header", all), "header");
  EXPECT_EQ(layer_name("extra.weight", all), std::nullopt);
  EXPECT_EQ(file_name("blocks.3.ffn.net.0.proj.bias", all), "blocks.3.ffn.0.bias");
  EXPECT_EQ(file_name("blocks.{layers}.ffn.net.0.proj.bias", all), "blocks.{layers}.ffn.0.bias");
}

TEST(NamePair, TheLongestBeginningHolds) {
  const std::vector<NamePair> all = pairs({{"a", "x"}, {"a.b", "y"}});
  EXPECT_EQ(layer_name("a.b.c", all), "y.c");
  EXPECT_EQ(layer_name("a.c", all), "x.c");
}

// What converts weights there and back relies on it.
TEST(NamePair, EveryTensorOfEveryArchitectureComesBack) {
  const Catalog catalog = Catalog::built_in();
  std::size_t checked = 0;
  for (const CatalogEntry& entry : catalog.entries()) {
    const Layout* layout = catalog.layout_of(entry);
    if (layout == nullptr || layout->pairs.empty()) continue;
    const auto expected = expand(*layout, entry.hyper_parameters);
    ASSERT_TRUE(expected);
    for (const ExpectedTensor& tensor : *expected) {
      const std::optional<std::string> layer = layer_name(tensor.name, layout->pairs);
      if (!layer) continue;  // no layer uses it: conversion keeps it beside
      EXPECT_EQ(file_name(*layer, layout->pairs), tensor.name) << entry.name;
      ++checked;
    }
  }
  EXPECT_GT(checked, 10'000U);
}

}  // namespace
}  // namespace ditmill::registry
