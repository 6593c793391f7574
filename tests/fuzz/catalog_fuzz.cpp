#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "configs/utf8.h"
#include "registry/identity/catalog_reader.h"
#include "tests/fuzz/fuzz.h"

namespace ditmill::fuzz {
namespace {

/// Whatever a text of 64 KiB says: lists in names and layouts of an architecture make much of little.
constexpr std::size_t most_memory = std::size_t{160} << 20;

bool is_text(std::string_view text) {
  return utf8::find_invalid(text) == std::string_view::npos &&
         std::ranges::none_of(text, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
}

void require_sound(const Problem& problem, std::ptrdiff_t lines) {
  const std::string words = describe(problem);
  require(!problem.message.empty(), "problems have words");
  require(words.size() < 4000 && is_text(words), "problems are short text without control characters");
  require(problem.line >= 0 && problem.line <= lines + 1, "problems are at lines of the text");
}

void require_sound(const registry::CatalogEntry& entry) {
  require(registry::is_entry_name(entry.name) && registry::is_entry_name(entry.family),
          "entries have names and families");
  require(std::ranges::find(registry::role_names(), entry.role) != registry::role_names().end(),
          "entries have roles");
  require(entry.key_hash.empty() || entry.key_hash.size() == 32, "hashes are MD5 in hexadecimal");
  require(!entry.key_hash.empty() || !entry.key_hash_names.empty(), "entries have a hash");
  require(nlohmann::json::parse(entry.hyper_parameters.dump()) == entry.hyper_parameters,
          "hyper-parameters are JSON");
}

/// Uses a layout as its readers do: whatever it says, none of them may break.
void use(const registry::Layout& layout) {
  constexpr std::size_t most_used = 200;
  if (layout.tensors.size() > most_used) return;
  nlohmann::json hyper_parameters = nlohmann::json::object();
  for (const registry::LayoutTensor& tensor : layout.tensors) {
    if (!tensor.index.empty()) hyper_parameters[tensor.index] = 2;
    if (!tensor.when.empty()) hyper_parameters[tensor.when] = 2;
    for (const registry::LayoutSize& size : tensor.shape) {
      for (const std::string& symbol : size.symbols) hyper_parameters[symbol] = 2;
    }
  }
  const auto expected = registry::expand(layout, hyper_parameters);
  if (!expected) return;
  std::vector<registry::NamedShape> shapes;
  for (const registry::ExpectedTensor& tensor : *expected) {
    if (const auto layer = registry::layer_name(tensor.name, layout.pairs))
      registry::file_name(*layer, layout.pairs);
    for (const registry::NameRule& rule : layout.names) std::regex_search(tensor.name, rule.from);
    shapes.push_back({.name = tensor.name, .shape = tensor.shape});
  }
  const registry::ShapeTable table{std::move(shapes)};
  registry::matches(layout, table);
  require(registry::solve(layout, table).is_object(), "hyper-parameters follow from shapes");
}

}  // namespace

void one_input(std::span<const std::byte> bytes) {
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  run(bytes, most_memory, [&] {
    std::vector<Problem> problems;
    const registry::CatalogFile file = registry::read_catalog(text, "fuzz.yaml", problems);
    const std::ptrdiff_t lines = std::ranges::count(text, '\n') + 1;
    for (const Problem& problem : problems) require_sound(problem, lines);
    if (!problems.empty()) return;
    for (const registry::CatalogEntry& entry : file.entries) require_sound(entry);
    for (const registry::FamilySlots& family : file.families) {
      const std::string held = registry::family_text(family);
      require(registry::family_text(registry::family_of_text(held)) == held, "families are what tables hold");
    }
    for (const registry::Layout& layout : file.layouts) {
      require(!layout.marks.empty(), "layouts have marks");
      use(layout);
    }
  });
}

}  // namespace ditmill::fuzz
