#include "registry/tools/tensor_tree.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <iostream>
#include <random>
#include <set>

#include "registry/tools/count_text.h"
#include "registry/tools/view_tree.h"

namespace ditmill::registry {
namespace {

using testing::ElementsAre;

struct Named {
  std::string name;
  std::vector<std::uint64_t> shape = {2, 3};
  ElementType type = ElementType::bf16;
};

Component component_of(const std::vector<Named>& tensors) {
  Component component;
  component.files.emplace_back();
  for (const auto& [name, shape, type] : tensors) {
    component.files.back().tensors.push_back({.name = name, .type = type, .shape = shape});
  }
  return component;
}

/// The names of leaves, put together again from the labels on the way.
void collect(const TreeNode& node, const std::string& prefix, std::multiset<std::string>& names) {
  for (const TreeNode& child : node.children) {
    const std::string path = prefix + std::string{child.label};
    EXPECT_EQ(child.path, path);
    EXPECT_NE(child.tensor == nullptr, child.children.empty());
    if (child.tensor != nullptr) {
      EXPECT_EQ(child.tensor->name, path);
      names.insert(path);
    }
    collect(child, path + ".", names);
  }
}

std::multiset<std::string> leaves(const Component& component) {
  std::multiset<std::string> names;
  collect(tensor_tree(component), "", names);
  return names;
}

/// Path and siblings of every line, in order.
std::vector<std::string> lines(const std::vector<ShownNode>& shown) {
  std::vector<std::string> all;
  for (const ShownNode& line : shown) {
    all.push_back(line.path + (line.siblings > 1 ? " x" + std::to_string(line.siblings) : "") +
                  (line.cut ? " cut" : ""));
    const std::vector<std::string> below = lines(line.children);
    all.insert(all.end(), below.begin(), below.end());
  }
  return all;
}

std::uint64_t tensors_in(const std::vector<ShownNode>& shown) {
  std::uint64_t count = 0;
  for (const ShownNode& line : shown) {
    count += line.siblings *
             (line.one->tensor != nullptr || line.cut ? line.one->tensors : tensors_in(line.children));
  }
  return count;
}

TEST(TensorTree, HasEveryTensorOnceWhateverTheNames) {
  const char* given = std::getenv("DITMILL_TEST_SEED");
  const std::uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device{}();
  std::cout << "DITMILL_TEST_SEED=" << seed << "\n";
  std::mt19937_64 random{seed};
  constexpr std::string_view letters = "..ab01-";
  for (int round = 0; round < 300; ++round) {
    std::multiset<std::string> names;
    for (int i = 0; i < 30; ++i) {
      std::string name;
      for (auto length = random() % 8; length-- > 0;) name += letters[random() % letters.size()];
      if (!names.contains(name)) names.insert(name);
    }
    std::vector<Named> tensors;
    for (const std::string& name : names) tensors.push_back({name, {1 + random() % 2}});
    std::shuffle(tensors.begin(), tensors.end(), random);
    const Component component = component_of(tensors);
    ASSERT_EQ(leaves(component), names);
    const TreeNode root = tensor_tree(component);
    for (const std::size_t depth : {1U, 2U, 9U}) {
      for (const bool merge : {true, false}) {
        ASSERT_EQ(tensors_in(shown_tree(root, {.depth = depth, .merge = merge})), names.size());
      }
    }
  }
}

TEST(TensorTree, PutsWhatANameBeginsBesideIt) {
  const Component component = component_of({{"a"}, {"a.b"}, {"a.b.c"}, {"a-"}, {"a.d.e"}});
  EXPECT_THAT(lines(shown_tree(tensor_tree(component), {})),
              ElementsAre("a", "a-", "a.b", "a.b.c", "a.d", "a.d.e"));
}

TEST(TensorTree, OrdersNumbersByTheirValue) {
  const Component component = component_of({{"b.10"}, {"b.9"}, {"b.x"}, {"b.1", {7}}});
  EXPECT_THAT(lines(shown_tree(tensor_tree(component), {.merge = false})),
              ElementsAre("b", "b.1", "b.9", "b.10", "b.x"));
}

TEST(TensorTree, BoundsItsDepth) {
  std::string deep = "x";
  for (int i = 0; i < 200'000; ++i) deep += ".x";
  const Component component = component_of({{deep}, {deep + ".y"}, {"x.x"}});
  EXPECT_EQ(leaves(component).size(), 3U);
}

TEST(ShownTree, MergesOneStructureAndNamesTheOthers) {
  std::vector<Named> tensors;
  for (int i = 0; i < 6; ++i) {
    const std::string block = "blocks." + std::to_string(i);
    tensors.push_back({block + ".w", {4, 4}, i == 2 ? ElementType::f32 : ElementType::bf16});
    if (i != 4) tensors.push_back({block + ".b"});
  }
  const Component component = component_of(tensors);
  const TreeNode root = tensor_tree(component);
  EXPECT_THAT(lines(shown_tree(root, {})),
              ElementsAre("blocks", "blocks.0..1,3,5 x4", "blocks.0..1,3,5.b", "blocks.0..1,3,5.w",
                          "blocks.2", "blocks.2.b", "blocks.2.w", "blocks.4", "blocks.4.w"));
  EXPECT_THAT(lines(shown_tree(root, {.depth = 2})),
              ElementsAre("blocks", "blocks.0..1,3,5 x4 cut", "blocks.2 cut", "blocks.4 cut"));
  EXPECT_EQ(lines(shown_tree(root, {.merge = false})).size(), 1U + 6 + 11);
}

TEST(ShownTree, MergesByTheNumberAtTheEndOnly) {
  const Component component =
      component_of({{"layer1"}, {"layer2"}, {"layer3"}, {"other1"}, {"layer"}, {"w"}, {"v"}});
  EXPECT_THAT(lines(shown_tree(tensor_tree(component), {})),
              ElementsAre("layer", "layer1..3 x3", "other1", "v", "w"));
}

TEST(ShownTree, TellsSizesThatReadAlikeApart) {
  // 2 x 3 and 23, or a rank more: what is joined for comparing must keep its parts.
  const Component component =
      component_of({{"l.0", {2, 3}}, {"l.1", {23}}, {"l.2", {2, 3, 1}}, {"l.3", {3, 2}}});
  EXPECT_EQ(lines(shown_tree(tensor_tree(component), {})).size(), 5U);
}

TEST(CountText, IsAsInTeleFuser) {
  EXPECT_EQ(short_count(14'288'491'584), "14.29B");
  EXPECT_EQ(short_count(1'000'000), "1.00M");
  EXPECT_EQ(short_count(12'340), "12.34K");
  EXPECT_EQ(short_count(999), "999");
  EXPECT_EQ(grouped_count(14'288'491'584), "14,288,491,584");
  EXPECT_EQ(grouped_count(999), "999");
  EXPECT_EQ(grouped_count(1'000), "1,000");
}

}  // namespace
}  // namespace ditmill::registry
