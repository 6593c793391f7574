#include "registry/identity/layout.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "registry/identity/catalog.h"
#include "tests/registry/key_lists.h"

namespace ditmill::registry {
namespace {

std::vector<NamedShape> views(const tests::Shapes& shapes) {
  std::vector<NamedShape> views;
  for (const auto& [name, shape] : shapes) views.push_back({name, shape});
  return views;
}

TEST(LayoutName, ExpandsListsAndIndices) {
  const auto names = [](std::string_view text) {
    std::vector<std::string> names;
    const auto parsed = parse_layout_name(text);
    if (!parsed) return std::vector<std::string>{"malformed"};
    for (const LayoutTensor& tensor : *parsed)
      names.push_back(tensor.name(7) + (tensor.index.empty() ? "" : "/" + tensor.index));
    return names;
  };
  using testing::ElementsAre;
  EXPECT_THAT(names("a.weight"), ElementsAre("a.weight"));
  EXPECT_THAT(names("a{0,1}.b"), ElementsAre("a0.b", "a1.b"));
  EXPECT_THAT(names("{0,1}.{2,3}"), ElementsAre("0.2", "0.3", "1.2", "1.3"));
  EXPECT_THAT(names("to_{q,k}.w"), ElementsAre("to_q.w", "to_k.w"));
  EXPECT_THAT(names("b.{layers}.c{1,2}"), ElementsAre("b.7.c1/layers", "b.7.c2/layers"));
  for (const char* bad : {"", "a{", "a}", "a{}b", "a{0,}", "a{0,,x}", "a{-1}", "{m}.{n}", "a{A}"}) {
    EXPECT_THAT(names(bad), ElementsAre("malformed")) << bad;
  }
}

TEST(LayoutSize, IsAProduct) {
  const auto size = parse_layout_size("2*3*dim*heads");
  ASSERT_TRUE(size);
  EXPECT_EQ(size->factor, 6U);
  EXPECT_THAT(size->symbols, testing::ElementsAre("dim", "heads"));
  for (const char* bad : {"", "*", "2*", "dim+1", "-1", "Dim", "99999999999999999999"}) {
    EXPECT_FALSE(parse_layout_size(bad)) << bad;
  }
}

std::uint64_t elements(const std::vector<NamedShape>& shapes) {
  std::uint64_t sum = 0;
  for (const NamedShape& tensor : shapes) {
    std::uint64_t product = 1;
    for (const std::uint64_t size : tensor.shape) product *= size;
    sum += product;
  }
  return sum;
}

// Architectures are data written by hand: expanded, they have to give the very tensors of the real
// checkpoints.
TEST(Layout, ExpandsToTheTensorsThatTheEntryHashes) {
  const Catalog catalog = Catalog::built_in();
  std::size_t checked = 0;
  for (const CatalogEntry& entry : catalog.entries()) {
    const Layout* layout = catalog.layout_of(entry);
    if (layout == nullptr) continue;  // known by its hash alone
    SCOPED_TRACE(entry.name + " " + entry.layout);
    const auto expected = expand(*layout, entry.hyper_parameters);
    ASSERT_TRUE(expected);
    std::vector<NamedShape> shapes;
    for (const ExpectedTensor& tensor : *expected) {
      // The encoder's embedding has three spellings, each an entry of its own.
      const bool shared = tensor.name == "shared.weight" && entry.name != "umt5-xxl-encoder-embed-tokens";
      const bool embedded = tensor.name == "encoder.embed_tokens.weight" && entry.name != "umt5-xxl-encoder";
      const bool official = tensor.name == "token_embedding.weight";
      if (!tensor.optional || shared || embedded || official) shapes.push_back({tensor.name, tensor.shape});
    }
    if (entry.layout == "official" && entry.name == "umt5-xxl-encoder") {
      std::erase_if(shapes,
                    [](const NamedShape& each) { return each.name == "encoder.embed_tokens.weight"; });
    }
    EXPECT_EQ(key_hash(shapes), entry.key_hash);
    EXPECT_EQ(key_hash_names(shapes), entry.key_hash_names);
    EXPECT_EQ(elements(shapes), entry.parameters);
    ++checked;
  }
  EXPECT_GE(checked, 50U);
}

TEST(Layout, TellsTheHyperParametersOfEveryEntryFromItsShapes) {
  const Catalog catalog = Catalog::built_in();
  for (const CatalogEntry& entry : catalog.entries()) {
    const Layout* layout = catalog.layout_of(entry);
    if (layout == nullptr) continue;
    SCOPED_TRACE(entry.name + " " + entry.layout);
    const auto expected = expand(*layout, entry.hyper_parameters);
    std::vector<NamedShape> shapes;
    for (const ExpectedTensor& tensor : *expected) shapes.push_back({tensor.name, tensor.shape});
    const ShapeTable table{shapes};
    EXPECT_TRUE(matches(*layout, table));
    const nlohmann::json solved = solve(*layout, table);
    // Heads and what they are wide are not in the shapes of a transformer, nor what it was taught.
    for (const auto& [key, value] : entry.hyper_parameters.items()) {
      if (key != "heads" && key != "last_picture") {
        EXPECT_EQ(solved.value(key, nlohmann::json()), value) << key;
      }
    }
  }
}

TEST(Layout, DoesNotMatchWithALayerMissing) {
  const Catalog catalog = Catalog::built_in();
  const Layout* layout = catalog.layout_of(*catalog.named("wan2.1-t2v-1.3b"));
  tests::Shapes shapes = tests::key_list("wan2.1-t2v-1.3b-diffusers");
  std::erase_if(shapes, [](const auto& tensor) { return tensor.first.starts_with("blocks.7."); });
  EXPECT_FALSE(matches(*layout, ShapeTable{views(shapes)}));
}

TEST(Layout, DoesNotTrustHugeLayerNumbers) {
  const std::vector<std::uint64_t> shape{1};
  const ShapeTable table{
      {{"blocks.18446744073709551615.w", shape}, {"blocks.4000000000.w", shape}, {"blocks.1.w", shape}}};
  EXPECT_EQ(table.count("blocks."), 2U);
}

}  // namespace
}  // namespace ditmill::registry
