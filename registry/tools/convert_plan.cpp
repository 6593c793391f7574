#include "registry/tools/convert_plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "configs/error.h"
#include "registry/identity/identify.h"
#include "registry/tools/value_diff.h"

namespace ditmill::registry {
namespace {

constexpr const char* converting = "convert weights";

/// Whether a layout states a tensor, or the weight that it belongs to (as a scale of it).
bool has_place(const Layout& layout, const std::string& name) {
  if (find_tensor(layout, name).tensor != nullptr) return true;
  const std::size_t dot = name.rfind('.');
  return dot != std::string::npos && find_tensor(layout, name.substr(0, dot) + ".weight").tensor != nullptr;
}

/// Where the other layout has what the layers call so; nothing if it has no such tensor.
std::optional<FilePart> place_of(const std::string& layer, const Layout& to) {
  FilePart other = file_part(layer, to.pairs);
  return has_place(to, other.name) ? std::optional{std::move(other)} : std::nullopt;
}

/// The same for a tensor's name in a layout; of one that holds several of the layers', for each.
std::vector<FilePart> counterparts(std::string_view name, const Layout& from, const Layout& to) {
  std::vector<FilePart> found;
  for (const std::string& layer : layer_names(name, from.pairs)) {
    std::optional<FilePart> other = place_of(layer, to);
    if (!other) return {};
    found.push_back(*std::move(other));
  }
  return found;
}

/// The one name in another layout of a whole tensor.
std::optional<std::string> counterpart(std::string_view name, const Layout& from, const Layout& to) {
  const std::vector<FilePart> found = counterparts(name, from, to);
  return found.size() == 1 && found.front().parts == 1 ? std::optional{found.front().name} : std::nullopt;
}

std::uint64_t count_of_elements(const std::vector<std::uint64_t>& shape) {
  std::uint64_t count = 1;
  for (const std::uint64_t size : shape) count *= size;
  return count;
}

bool equal_tensors(const PlannedTensor& a, const PlannedTensor& b) {
  if (a.tensor->type != b.tensor->type || a.tensor->shape != b.tensor->shape) return false;
  const std::unique_ptr<ByteSource> in_a = open_file(a.file->path);
  const std::unique_ptr<ByteSource> in_b = open_file(b.file->path);
  return compare_values({*in_a, *a.tensor}, {*in_b, *b.tensor}).equal_bits;
}

/// Whether layouts name the same layers' tensors: those of one architecture, and of others that were made for
/// a further naming.
bool same_layers(const Layout& a, const Layout& b, const Catalog& catalog) {
  if (a.architecture == b.architecture) return true;
  if (a.family != b.family || a.role != b.role) return false;
  const Layout* of_a = catalog.architecture(a.architecture);
  const Layout* of_b = catalog.architecture(b.architecture);
  return of_a != nullptr && of_b != nullptr && of_a->tensors == of_b->tensors;
}

class Planner {
 public:
  Planner(const Component& component, const Layout& from, const Layout& to, const SideFile* side)
      : component_(component),
        from_(from),
        to_(to),
        side_(side),
        returns_(side && side->layout == to.layout) {
    plan_.aside_layout = from.layout;
  }

  ConversionPlan plan() {
    for (const WeightFile& file : component_.files) {
      for (const TensorInfo& tensor : file.tensors) add(file, tensor);
    }
    settle();
    join();
    if (side_ != nullptr) add_side();
    shape();
    check();
    return std::move(plan_);
  }

 private:
  void add(const WeightFile& file, const TensorInfo& tensor) {
    const std::string& prefix = component_.identity.prefix;
    PlannedTensor planned{.name = tensor.name, .file = &file, .tensor = &tensor};
    if (!tensor.name.starts_with(prefix) || tensor.name.size() == prefix.size()) {
      plan_.aside.push_back(std::move(planned));
      return;
    }
    planned.name.erase(0, prefix.size());
    if (&from_ == &to_) {
      plan_.tensors.push_back(std::move(planned));
      return;
    }
    if (returns_) {
      if (const auto kept = side_->names.find(planned.name); kept != side_->names.end()) {
        for (const std::string& name : kept->second) plan_.tensors.push_back({name, &file, &tensor});
        return;
      }
    }
    const std::vector<FilePart> found = counterparts(planned.name, from_, to_);
    const bool cut = found.size() > 1 && !tensor.shape.empty() && tensor.shape.front() % found.size() == 0;
    if (found.size() == 1 && found.front().parts == 1) {
      rivals_[found.front().name].push_back(std::move(planned));
    } else if (found.size() == 1) {
      std::vector<FileTensor>& parts = joined_[found.front().name];
      parts.resize(found.front().parts);
      parts[found.front().part] = {&file, &tensor};
    } else if (cut) {
      for (std::size_t part = 0; part < found.size(); ++part)
        plan_.tensors.push_back({found[part].name, &file, &tensor, {}, part, found.size(), {}});
    } else {
      plan_.aside.push_back(std::move(planned));
    }
  }

  /// Tensors of which all parts are there become one; the parts of others go aside.
  void join() {
    for (const auto& [name, parts] : joined_) {
      const auto fits = [&parts](const FileTensor& part) {
        return part.tensor != nullptr && parts.front().tensor != nullptr && !part.tensor->shape.empty() &&
               part.tensor->type == parts.front().tensor->type &&
               part.tensor->shape == parts.front().tensor->shape;
      };
      if (std::ranges::all_of(parts, fits)) {
        PlannedTensor whole{.name = name, .file = parts.front().file, .tensor = parts.front().tensor};
        whole.more.assign(parts.begin() + 1, parts.end());
        plan_.tensors.push_back(std::move(whole));
        continue;
      }
      for (const FileTensor& part : parts) {
        if (part.tensor != nullptr) plan_.aside.push_back({part.tensor->name, part.file, part.tensor});
      }
    }
  }

  /// Tensors have the shapes that the other layout states, where these are of as many elements.
  void shape() {
    for (std::vector<PlannedTensor>* list : {&plan_.tensors, &plan_.aside}) {
      for (PlannedTensor& planned : *list) {
        planned.shape = planned.tensor->shape;
        if (planned.parts > 1) planned.shape.front() /= planned.parts;
        if (!planned.more.empty()) planned.shape.front() *= planned.more.size() + 1;
        const LayoutTensor* found =
            &from_ == &to_ || list == &plan_.aside ? nullptr : find_tensor(to_, planned.name).tensor;
        if (found == nullptr) continue;
        const auto stated = stated_shape(*found, component_.identity.hyper_parameters);
        if (stated && count_of_elements(*stated) == count_of_elements(planned.shape)) planned.shape = *stated;
      }
    }
  }

  /// Gives each name one tensor: the one that the way back leads to, if it is there.
  void settle() {
    for (auto& [name, rivals] : rivals_) {
      const std::optional<std::string> back = counterpart(name, to_, from_);
      const auto first = std::ranges::find_if(
          rivals, [&back](const PlannedTensor& rival) { return back && rival.name == *back; });
      if (first != rivals.end()) std::iter_swap(rivals.begin(), first);
      std::vector<std::string> kept{rivals.front().name};
      for (std::size_t i = 1; i < rivals.size(); ++i) {
        if (equal_tensors(rivals.front(), rivals[i])) {
          kept.push_back(rivals[i].name);
        } else {
          plan_.aside.push_back(rivals[i]);
        }
      }
      if (kept.size() > 1 || kept.front() != back) plan_.names[name] = kept;
      plan_.tensors.push_back({name, rivals.front().file, rivals.front().tensor});
    }
    std::ranges::stable_sort(plan_.tensors, [](const PlannedTensor& a, const PlannedTensor& b) {
      return std::pair{a.file, a.tensor} < std::pair{b.file, b.tensor};
    });
  }

  void add_side() {
    if (!returns_ && &from_ != &to_) {
      throw Error{Category::bad_input,
                  converting,
                  Where{.file = side_->file.path},
                  Expected{"tensors of the layout " + to_.layout},
                  Got{"of " + printable(side_->layout, max_shown)},
                  "it is not of these weights: move it away"};
    }
    // Weights that stay in their layout keep what is beside them.
    if (!returns_) {
      plan_.aside_layout = side_->layout;
      plan_.names = side_->names;
    }
    for (const TensorInfo& tensor : side_->file.tensors)
      (returns_ ? plan_.tensors : plan_.aside).push_back({tensor.name, &side_->file, &tensor});
  }

  void check() const {
    std::set<std::string_view> names;
    std::vector<NamedShape> shapes;
    for (const PlannedTensor& planned : plan_.tensors) {
      shapes.push_back({.name = planned.name, .shape = planned.shape});
      if (names.insert(planned.name).second) continue;
      throw Error{Category::bad_input, converting,
                  Where{.file = planned.file->path, .tensor = printable(planned.tensor->name)},
                  Expected{"one tensor of a name"}, Got{"two that become " + printable(planned.name)}};
    }
    if (matches(to_, ShapeTable{std::move(shapes)})) return;
    throw Error{Category::unsupported, converting, Where{.file = component_.label},
                Expected{"an architecture whose layouts differ in names alone"},
                Got{from_.architecture + ", whose tensors are cut and joined between " + from_.layout +
                    " and " + to_.layout}};
  }

  const Component& component_;
  const Layout& from_;
  const Layout& to_;
  const SideFile* side_;
  bool returns_;  ///< to the layout that the side file was made from
  std::map<std::string, std::vector<PlannedTensor>> rivals_;  ///< by the name that they get
  std::map<std::string, std::vector<FileTensor>> joined_;     ///< by the name of the whole
  ConversionPlan plan_;
};

}  // namespace

const Layout& layout_from(const Component& component, const Catalog& catalog) {
  const Identity& identity = component.identity;
  const Layout* layout = recognised_layout(identity, catalog);
  if (layout != nullptr && !layout->architecture.empty()) return *layout;
  throw Error{
      Category::unknown_model,
      converting,
      Where{.file = component.label},
      Expected{"weights whose architecture the catalog describes"},
      Got{identity.variant.empty() ? "others" : identity.variant + ", which is known by its hash only"},
      "`ditmill weights identify` says what is known of them; --catalog FILE describes more"};
}

const Layout& layout_to(const Component& component, const Layout& from, std::string_view to,
                        const Catalog& catalog) {
  if (from.layout == to) return from;
  const Layout* found = nullptr;
  for (const Layout& layout : catalog.layouts()) {
    if (layout.layout != to || !same_layers(layout, from, catalog)) continue;
    if (found == nullptr || layout.architecture == from.architecture) found = &layout;
  }
  if (found != nullptr) return *found;
  throw Error{Category::unsupported, converting, Where{.file = component.label},
              Expected{"an architecture that has the layout " + std::string{to}},
              Got{from.architecture + ", which is known as " + from.layout + " only"}};
}

ConversionPlan plan_conversion(const Component& component, const Layout& from, const Layout& to,
                               const SideFile* side) {
  return Planner{component, from, to, side}.plan();
}

}  // namespace ditmill::registry
