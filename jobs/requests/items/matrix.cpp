#include "jobs/requests/items/matrix.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

#include "configs/declared_fields.h"
#include "configs/error.h"
#include "configs/list_text.h"
#include "configs/other_names.h"
#include "configs/suggest.h"
#include "jobs/requests/items/list_builder.h"
#include "registry/checked.h"

namespace ditmill::jobs::requests {
namespace {

using configs::MapReader;
using configs::RequestDraft;
using configs::YamlNode;

const configs::Field* field_named(std::string_view name) {
  for (const auto& fields : {configs::common_request_fields(), configs::family_request_fields()}) {
    const configs::Field* field = configs::field_named(fields, name);
    if (field != nullptr && field->may_vary) return field;
  }
  return nullptr;
}

/// What an id says of a field's value: the value, or a longer text's position in its list.
std::string id_text(const configs::Field& field, const RequestDraft& draft, std::size_t position) {
  if (field.name == "seed" && draft.auto_seed) return "auto";
  if (field.kind == configs::FieldKind::text && field.name != "aspect_ratio") return std::to_string(position);
  std::string text = configs::short_text(configs::value_of(draft, field));
  std::ranges::replace(text, ':', '-');
  return configs::is_id("x" + text) ? text : std::to_string(position);
}

void refuse_field(MapReader& matrix, const std::string& name) {
  std::vector<std::string> names;
  std::string expected;
  for (const std::string& known : configs::request_field_names()) {
    if (field_named(known) == nullptr) continue;
    names.push_back(known);
    extend_list(expected, known);
  }
  std::string nearest = configs::nearest(name, names);
  if (const std::optional<configs::Setting> setting = configs::setting_called(name)) {
    if (!setting->of_requests()) expected = setting->path() + ", the same for all items; or " + expected;
    if (setting->of_requests() && setting->name != name) nearest = setting->name;
  }
  matrix.problem_at_key(name, matrix.path_of(name) + " cannot vary", expected, {}, std::move(nearest));
}

/// The values of one field. Each is read as if it stood in `requests.defaults`.
std::vector<MatrixValue> read_values(MapReader& matrix, const configs::Field& field,
                                     const std::string& suffix, const LookAtFiles& look_at_files) {
  std::vector<MatrixValue> values;
  std::set<std::string> id_parts;
  const std::string& name = field.name;
  const std::string path = matrix.path_of(name).substr(0, matrix.path_of(name).size() - name.size() - 1);
  const YamlNode* list = matrix.find(name);
  const std::span<const YamlNode> nodes = matrix.list(name);
  if (nodes.empty() && list->kind == YamlNode::Kind::sequence && !list->reported) {
    matrix.problem(name, matrix.path_of(name) + " is empty", "a value or more");
  }
  for (const YamlNode& node : nodes) {
    YamlNode alone{.kind = YamlNode::Kind::mapping, .line = node.line, .column = node.column};
    YamlNode key{.kind = YamlNode::Kind::scalar, .text = name, .line = node.line, .column = node.column};
    key.origin = node.origin;
    alone.origin = node.origin;
    alone.entries.emplace_back(std::move(key), node);
    const std::size_t before = matrix.problems().size();
    MatrixValue value{.id_part = {}, .draft = {}, .node = &node};
    configs::read_varied_field(MapReader{alone, path, matrix.file(), matrix.problems()}, value.draft);
    MapReader again{alone, path, matrix.file(), matrix.problems()};
    look_at_files(again, value.draft.request.more);
    if (matrix.problems().size() > before) continue;
    value.id_part = "~" + name + id_text(field, value.draft, values.size());
    value.draft.request.negative_prompt = final_negative_prompt(value.draft.request.negative_prompt, suffix);
    if (!id_parts.insert(value.id_part).second) {
      matrix.problem_at(node, matrix.path_of(name) + " has a value twice", "values that differ",
                        printable(node.text, max_shown));
    } else {
      values.push_back(std::move(value));
    }
  }
  return values;
}

}  // namespace

std::size_t Matrix::combinations() const noexcept {
  std::size_t product = 1;
  for (const Axis& axis : axes_) product *= axis.values.size();
  return product;
}

const MatrixValue* Matrix::value(std::string_view field, std::size_t combination) const {
  for (std::size_t i = axes_.size(); i-- > 0; combination /= axes_[i].values.size()) {
    if (axes_[i].field == field) return &axes_[i].values[combination % axes_[i].values.size()];
  }
  return nullptr;
}

std::optional<configs::SizeMistake> Matrix::apply(std::size_t combination, RequestDraft& draft) const {
  configs::GivenSizes given;
  for (const Axis& axis : axes_) {
    const MatrixValue* chosen = value(axis.field, combination);
    configs::copy_value(*field_named(axis.field), chosen->draft, draft);
    draft.request.id += chosen->id_part;
    given.resolution = given.resolution || axis.field == "resolution";
    given.aspect_ratio = given.aspect_ratio || axis.field == "aspect_ratio";
  }
  return configs::settle_sizes(draft, given);
}

Matrix read_matrix(MapReader matrix, const std::string& suffix, const LookAtFiles& look_at_files) {
  std::vector<Matrix::Axis> axes;
  std::uint64_t combinations = 1;
  const std::size_t before = matrix.problems().size();
  for (const std::string& name : matrix.keys()) {
    if (const configs::Field* field = field_named(name)) {
      axes.push_back({name, read_values(matrix, *field, suffix, look_at_files)});
      const auto product = registry::checked_multiply(combinations, axes.back().values.size());
      combinations = std::min<std::uint64_t>(product.value_or(max_items + 1), max_items + 1);
    } else {
      refuse_field(matrix, name);
    }
  }
  for (const char* size : {"width", "height"}) {
    for (const char* derived : {"resolution", "aspect_ratio"}) {
      if (!matrix.has(size) || !matrix.has(derived)) continue;
      matrix.problem_at_key(derived, matrix.path_of(derived) + " and " + size + " exclude each other",
                            "width and height, or resolution with aspect_ratio");
    }
  }
  if (combinations > max_items) {
    matrix.problem({}, "the matrix has too many combinations",
                   "at most " + std::to_string(max_items) + " items");
  }
  return matrix.problems().size() == before ? Matrix{std::move(axes)} : Matrix{};
}

}  // namespace ditmill::jobs::requests
