#include "registry/identity/catalog.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "registry/byte_source.h"
#include "registry/identity/catalog_reader.h"
#include "registry/identity/catalog_tables.h"

namespace ditmill::registry {
namespace {

/// A name that the compiler of the tables has read.
LayoutTensor tensor_named(const char* name) { return parse_layout_name(name).value().front(); }

LayoutTensor tensor_of_row(const tables::Tensor& row) {
  LayoutTensor tensor{.before = row.before, .index = row.index, .after = row.after, .shape = {}};
  for (std::string_view rest = row.shape; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    tensor.shape.push_back(parse_layout_size(rest.substr(0, comma)).value());
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  tensor.when = row.when;
  tensor.optional = row.optional;
  tensor.cut = row.cut;
  tensor.unit = row.unit;
  tensor.stage = row.stage;
  tensor.list = row.list;
  tensor.float32 = row.float32;
  return tensor;
}

Layout layout_of_row(const tables::Layout& row) {
  Layout layout;
  layout.architecture = row.architecture;
  layout.family = row.family;
  layout.role = row.role;
  layout.layout = row.layout;
  std::ranges::transform(row.marks, std::back_inserter(layout.marks), tensor_named);
  std::ranges::transform(row.tensors, std::back_inserter(layout.tensors), tensor_of_row);
  for (const auto& [file, layer, part, parts] : row.pairs) layout.pairs.push_back({file, layer, part, parts});
  layout.config = row.config;
  layout.tiny = row.tiny;
  return layout;
}

CatalogEntry entry_of_row(const tables::Entry& row) {
  CatalogEntry entry;
  entry.name = row.name;
  entry.family = row.family;
  entry.role = row.role;
  entry.layout = row.layout;
  entry.architecture = row.architecture;
  entry.key_hash = row.key_hash;
  entry.key_hash_names = row.key_hash_names;
  entry.preset = row.preset;
  entry.hyper_parameters = nlohmann::json::parse(row.hyper_parameters);
  entry.expert_folders.assign(row.expert_folders.begin(), row.expert_folders.end());
  entry.words.assign(row.words.begin(), row.words.end());
  entry.parameters = row.parameters;
  entry.origin = row.origin;
  entry.defect = row.defect;
  entry.place = {.file = row.file, .line = row.line, .column = row.column};
  entry.source = row.source;
  return entry;
}

constexpr std::uint64_t largest_file = std::uint64_t{16} << 20;
}  // namespace

Catalog Catalog::built_in() {
  Catalog catalog;
  for (const tables::Layout& row : tables::layouts()) catalog.layouts_.push_back(layout_of_row(row));
  for (const tables::Layout& row : tables::architectures())
    catalog.architectures_.push_back(layout_of_row(row));
  for (const tables::Entry& row : tables::entries()) catalog.entries_.push_back(entry_of_row(row));
  for (const char* text : tables::families()) catalog.families_.push_back(family_of_text(text));
  return catalog;
}

Catalog Catalog::known(const std::string& file) {
  Catalog catalog = built_in();
  const char* more = std::getenv("DITMILL_CATALOG");
  if (more != nullptr && *more != '\0') catalog.add_file(more);
  if (!file.empty()) catalog.add_file(file);
  return catalog;
}

void Catalog::add_file(const std::string& path) { add_text(read_text(path, largest_file), path); }

void Catalog::add_text(std::string_view text, const std::string& label) {
  std::vector<Problem> problems;
  Catalog extended = *this;  // an entry of a wrong file must not stay
  extended.add(text, label, true, problems);
  if (!problems.empty()) throw Error{std::move(problems)};
  *this = std::move(extended);
}

void Catalog::add(std::string_view text, const std::string& label, bool user,
                  std::vector<Problem>& problems) {
  CatalogFile file = read_catalog(text, label, problems);
  std::ranges::move(file.layouts, std::back_inserter(layouts_));
  std::ranges::move(file.architectures, std::back_inserter(architectures_));
  for (FamilySlots& family : file.families) {
    std::erase_if(families_, [&](const FamilySlots& other) { return other.name == family.name; });
    families_.insert(families_.begin(), std::move(family));
  }
  for (CatalogEntry& entry : file.entries) {
    entry.user = user;
    if (const CatalogEntry* other = taken(entry); other != nullptr && !entry.name.empty()) {
      problems.push_back({.file = label,
                          .line = entry.place.line,
                          .column = entry.place.column,
                          .message = "the name " + entry.name + " is taken by the entry at " + other->source,
                          .expected = "a name that no other entry has"});
    }
    entries_.push_back(std::move(entry));
  }
}

std::vector<const CatalogEntry*> Catalog::with_hash(std::string_view key_hash) const {
  std::vector<const CatalogEntry*> found;
  for (const bool user : {true, false}) {
    for (const CatalogEntry& entry : entries_) {
      if (entry.user == user && entry.key_hash == key_hash) found.push_back(&entry);
    }
    if (!found.empty()) break;
  }
  return found;
}

std::vector<const CatalogEntry*> Catalog::with_names_hash(std::string_view key_hash_names) const {
  std::vector<const CatalogEntry*> found;
  for (const CatalogEntry& entry : entries_) {
    if (entry.key_hash_names == key_hash_names) found.push_back(&entry);
  }
  return found;
}

const CatalogEntry* Catalog::named(std::string_view name) const {
  const auto found = std::ranges::find(entries_, name, &CatalogEntry::name);
  return found == entries_.end() ? nullptr : &*found;
}

const CatalogEntry* Catalog::taken(const CatalogEntry& entry) const {
  const auto found = std::ranges::find_if(entries_, [&entry](const CatalogEntry& other) {
    const bool same_layout = other.layout == entry.layout || other.layout.empty() || entry.layout.empty();
    return other.name == entry.name && same_layout;
  });
  return found == entries_.end() ? nullptr : &*found;
}

const Layout* Catalog::layout_of(std::string_view family, std::string_view role,
                                 std::string_view layout) const {
  const auto found = std::ranges::find_if(layouts_, [&](const Layout& each) {
    return each.family == family && each.role == role && each.layout == layout;
  });
  return found == layouts_.end() ? nullptr : &*found;
}

const Layout* Catalog::layout_of(const CatalogEntry& entry) const {
  if (entry.architecture.empty()) return layout_of(entry.family, entry.role, entry.layout);
  const auto found = std::ranges::find_if(layouts_, [&](const Layout& each) {
    return each.architecture == entry.architecture && each.layout == entry.layout;
  });
  return found == layouts_.end() ? nullptr : &*found;
}

std::string_view Catalog::component_of(const CatalogEntry& entry) const {
  if (entry.expert_folders.empty()) return {};
  const Slot* slot = find_slot(families_, entry.expert_folders.front());
  return slot == nullptr ? std::string_view{} : slot->name;
}

const Layout* Catalog::architecture(std::string_view name) const {
  const auto found = std::ranges::find(architectures_, name, &Layout::architecture);
  return found == architectures_.end() ? nullptr : &*found;
}

const FamilySlots* Catalog::family(std::string_view name) const {
  const auto found = std::ranges::find(families_, name, &FamilySlots::name);
  return found == families_.end() ? nullptr : &*found;
}

namespace {
const Catalog& shared_built_in() {
  static const Catalog catalog = Catalog::built_in();
  return catalog;
}
}  // namespace

const FamilySlots& built_in_slots(std::string_view family) {
  const FamilySlots* found = shared_built_in().family(family);
  return found != nullptr ? *found : shared_built_in().families().front();
}

const Layout& built_in_architecture(std::string_view name) {
  const Layout* found = shared_built_in().architecture(name);
  if (found == nullptr) throw Error{Category::internal, "no architecture " + std::string{name}};
  return *found;
}

const Layout& built_in_layout(std::string_view architecture, std::string_view layout) {
  const std::vector<Layout>& all = shared_built_in().layouts();
  const auto found = std::ranges::find_if(
      all, [&](const Layout& each) { return each.architecture == architecture && each.layout == layout; });
  if (found == all.end()) {
    throw Error{Category::internal,
                "no layout " + std::string{layout} + " of architecture " + std::string{architecture}};
  }
  return *found;
}

}  // namespace ditmill::registry
