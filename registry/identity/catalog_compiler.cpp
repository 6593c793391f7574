// catalog_compiler ROOT FILE...: writes the tables of catalog files (catalog_tables.h) to standard output;
// files are named from ROOT. What is wrong with them fails the build.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "registry/identity/catalog_reader.h"

namespace ditmill::registry {
namespace {

std::string c_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string shape_text(const LayoutTensor& tensor) {
  std::vector<std::string> sizes;
  for (const LayoutSize& size : tensor.shape) sizes.push_back(size.text());
  return fmt::format("{}", fmt::join(sizes, ","));
}

std::string_view name(Stage stage) {
  switch (stage) {
    case Stage::all:
      return "all";
    case Stage::first:
      return "first";
    case Stage::last:
      return "last";
    case Stage::block:
      return "block";
  }
  return {};
}

/// A list as an array of its own, which rows that come later name; lists of nothing need none.
class Arrays {
 public:
  template <typename List, typename Text>
  std::string add(const char* type, const List& list, const Text& text) {
    if (list.empty()) return "{}";
    std::string name = "list" + std::to_string(count_++);
    std::cout << "constexpr " << type << " " << name << "[] = {\n";
    for (const auto& each : list) std::cout << "    " << text(each) << ",\n";
    std::cout << "};\n";
    return name;
  }

 private:
  int count_ = 0;
};

std::string layout_row(const Layout& layout, Arrays& arrays) {
  const std::string marks = arrays.add("const char*", layout.marks,
                                       [](const LayoutTensor& mark) { return c_text(mark.pattern()); });
  const std::string tensors = arrays.add("Tensor", layout.tensors, [](const LayoutTensor& tensor) {
    return fmt::format("{{{}, {}, {}, {}, {}, {}, {}, {}, Stage::{}, {}, {}}}", c_text(tensor.before),
                       c_text(tensor.index), c_text(tensor.after), c_text(shape_text(tensor)),
                       c_text(tensor.when), tensor.optional, tensor.cut, c_text(tensor.unit),
                       name(tensor.stage), tensor.list, tensor.float32);
  });
  const std::string pairs = arrays.add("Pair", layout.pairs, [](const NamePair& pair) {
    return fmt::format("{{{}, {}, {}, {}}}", c_text(pair.file), c_text(pair.layer), pair.part, pair.parts);
  });
  return fmt::format("{{{}, {}, {}, {}, {}, {}, {}, {}, {}}}", c_text(layout.architecture),
                     c_text(layout.family), c_text(layout.role), c_text(layout.layout), marks, tensors, pairs,
                     c_text(layout.config), c_text(layout.tiny));
}

std::string entry_row(const CatalogEntry& entry, Arrays& arrays) {
  const std::string folders = arrays.add("const char*", entry.expert_folders, c_text);
  const std::string words = arrays.add("const char*", entry.words, c_text);
  return fmt::format("{{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}U, {}, {}, {}, {}, {}, {}}}",
                     c_text(entry.name), c_text(entry.family), c_text(entry.role), c_text(entry.layout),
                     c_text(entry.architecture), c_text(entry.key_hash), c_text(entry.key_hash_names),
                     c_text(entry.preset), c_text(entry.hyper_parameters.dump()), folders, words,
                     entry.parameters, c_text(entry.origin), c_text(entry.defect), c_text(entry.place.file),
                     entry.place.line, entry.place.column, c_text(entry.source));
}

int compile(const std::string& root, std::span<char* const> files) {
  std::vector<Problem> problems;
  CatalogFile all;
  for (const std::string file : files) {
    std::ifstream in(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in) throw Error{Category::io, "read a catalog", Where{.file = file}};
    CatalogFile one = read_catalog(text, file.substr(root.size() + 1), problems);
    for (const CatalogEntry& entry : one.entries) {
      if (!entry.sha256.empty())
        throw Error{Category::bad_input, "compile a catalog", entry.place,
                    Expected{"no sha256: the tables have none"}, Got{entry.name + ", which has one"}};
    }
    std::ranges::move(one.architectures, std::back_inserter(all.architectures));
    std::ranges::move(one.layouts, std::back_inserter(all.layouts));
    std::ranges::move(one.entries, std::back_inserter(all.entries));
    std::ranges::move(one.families, std::back_inserter(all.families));
  }
  if (!problems.empty()) throw Error{std::move(problems)};

  std::cout << "#include \"registry/identity/catalog_tables.h\"\n\n"
               "namespace ditmill::registry::tables {\nnamespace {\n";
  Arrays arrays;
  std::string architectures;
  std::string layouts;
  std::string entries;
  std::string families;
  for (const Layout& architecture : all.architectures)
    architectures += "    " + layout_row(architecture, arrays) + ",\n";
  for (const Layout& layout : all.layouts) layouts += "    " + layout_row(layout, arrays) + ",\n";
  for (const CatalogEntry& entry : all.entries) entries += "    " + entry_row(entry, arrays) + ",\n";
  for (const FamilySlots& family : all.families) families += "    " + c_text(family_text(family)) + ",\n";
  std::cout << "constexpr Layout all_architectures[] = {\n"
            << architectures << "};\n"
            << "constexpr Layout all_layouts[] = {\n"
            << layouts << "};\n"
            << "constexpr Entry all_entries[] = {\n"
            << entries << "};\n"
            << "constexpr const char* all_families[] = {\n"
            << families << "};\n}  // namespace\n"
            << "std::span<const Layout> architectures() { return all_architectures; }\n"
               "std::span<const Layout> layouts() { return all_layouts; }\n"
               "std::span<const Entry> entries() { return all_entries; }\n"
               "std::span<const char* const> families() { return all_families; }\n"
               "}  // namespace ditmill::registry::tables\n";
  return std::cout.flush() ? 0 : 1;
}

}  // namespace
}  // namespace ditmill::registry

int main(int argc, char** argv) {
  try {
    return argc < 3 ? 2 : ditmill::registry::compile(argv[1], {argv + 2, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
