#include "registry/identity/fingerprint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "configs/list_text.h"

namespace ditmill::registry {
namespace {

constexpr std::size_t names_shown = 3;
constexpr std::size_t entries_shown = 3;
constexpr std::size_t longest_shown = 200;

struct Difference {
  const CatalogEntry* entry = nullptr;
  std::size_t shared = 0;
  std::size_t missing = 0;
  std::size_t extra = 0;
  std::size_t misshapen = 0;
  nlohmann::json first_missing = nlohmann::json::array();
  nlohmann::json first_extra = nlohmann::json::array();
  nlohmann::json first_misshapen = nlohmann::json::array();

  double likeness() const {
    const double all = static_cast<double>(shared + misshapen + missing + extra);
    // Names weigh too: another size of the same architecture shares all names and few shapes.
    return all == 0 ? 0 : (static_cast<double>(shared) + 0.5 * static_cast<double>(misshapen)) / all;
  }
};

std::string shown(std::string_view name) { return printable(name, longest_shown); }

Difference compare(const ShapeTable& shapes, const std::vector<ExpectedTensor>& expected) {
  Difference difference;
  auto have = shapes.tensors().begin();
  const auto have_end = shapes.tensors().end();
  const auto extra = [&difference](const NamedShape& tensor) {
    if (++difference.extra <= names_shown) difference.first_extra.push_back(shown(tensor.name));
  };
  for (const ExpectedTensor& want : expected) {
    for (; have != have_end && have->name < want.name; ++have) extra(*have);
    if (have == have_end || have->name != want.name) {
      if (!want.optional && ++difference.missing <= names_shown)
        difference.first_missing.push_back(want.name);
      continue;
    }
    if (std::ranges::equal(have->shape, want.shape)) {
      ++difference.shared;
    } else if (++difference.misshapen <= names_shown) {
      difference.first_misshapen.push_back(
          {{"name", want.name}, {"expected", shape_text(want.shape)}, {"got", shape_text(have->shape)}});
    }
    ++have;
  }
  for (; have != have_end; ++have) extra(*have);
  return difference;
}

std::string join(const nlohmann::json& names, std::size_t count) {
  return fmt::format("{}{}", fmt::join(names.get<std::vector<std::string>>(), ", "),
                     count > names.size() ? ", ..." : "");
}

}  // namespace

const Layout* fingerprint(const ShapeTable& shapes, const Catalog& catalog) {
  const auto found =
      std::ranges::find_if(catalog.layouts(), [&](const Layout& layout) { return matches(layout, shapes); });
  return found == catalog.layouts().end() ? nullptr : &*found;
}

nlohmann::json nearest_entries(const ShapeTable& shapes, const Catalog& catalog) {
  std::vector<Difference> differences;
  // Entries of one layout and one size look the same from here: one stands for all.
  std::set<std::pair<const Layout*, std::string>> seen;
  for (const CatalogEntry& entry : catalog.entries()) {
    const Layout* layout = catalog.layout_of(entry);
    if (layout == nullptr || !seen.emplace(layout, entry.hyper_parameters.dump()).second) continue;
    const std::optional<std::vector<ExpectedTensor>> expected = expand(*layout, entry.hyper_parameters);
    if (!expected) continue;
    Difference difference = compare(shapes, *expected);
    difference.entry = &entry;
    if (difference.shared + difference.misshapen > 0) differences.push_back(std::move(difference));
  }
  std::ranges::stable_sort(differences, std::ranges::greater{}, &Difference::likeness);
  nlohmann::json nearest = nlohmann::json::array();
  for (Difference& difference : differences) {
    if (nearest.size() == entries_shown) break;
    nearest.push_back({{"name", difference.entry->name},
                       {"shared", difference.shared},
                       {"misshapen", difference.misshapen},
                       {"missing", difference.missing},
                       {"extra", difference.extra},
                       {"first_misshapen", std::move(difference.first_misshapen)},
                       {"first_missing", std::move(difference.first_missing)},
                       {"first_extra", std::move(difference.first_extra)}});
  }
  return nearest;
}

std::string describe_difference(const nlohmann::json& nearest) {
  std::string text = nearest.at("name").get<std::string>() + ": " +
                     std::to_string(nearest.at("shared").get<std::size_t>()) + " tensors are equal";
  const std::size_t misshapen = nearest.at("misshapen").get<std::size_t>();
  const std::size_t missing = nearest.at("missing").get<std::size_t>();
  const std::size_t extra = nearest.at("extra").get<std::size_t>();
  if (misshapen > 0) {
    std::string names;
    for (const nlohmann::json& one : nearest.at("first_misshapen")) {
      extend_list(names, one.at("name").get<std::string>() + " " + one.at("got").get<std::string>() +
                             " instead of " + one.at("expected").get<std::string>());
    }
    text += "; " + std::to_string(misshapen) + " have another shape (" + names +
            (misshapen > nearest.at("first_misshapen").size() ? ", ..." : "") + ")";
  }
  if (missing > 0)
    text +=
        "; " + std::to_string(missing) + " are missing (" + join(nearest.at("first_missing"), missing) + ")";
  if (extra > 0)
    text +=
        "; " + std::to_string(extra) + " are not its own (" + join(nearest.at("first_extra"), extra) + ")";
  return text;
}

}  // namespace ditmill::registry
