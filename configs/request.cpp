#include "configs/request.h"

#include <algorithm>
#include <concepts>
#include <iterator>
#include <vector>

#include "configs/error.h"
#include "configs/resolution.h"
#include "configs/suggest.h"
#include "configs/yaml_reader.h"

namespace ditmill::configs {
namespace {

constexpr std::size_t max_id_length = 128;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

void read_seed(MapReader& reader, RequestDraft& out) {
  const YamlNode* seed = reader.find("seed");
  const std::size_t before = reader.problems().size();
  if (seed != nullptr && seed->kind == YamlNode::Kind::scalar && seed->text == "auto") {
    out.auto_seed = true;
  } else if (reader.read("seed", out.request.seed, seed_bounds)) {
    out.auto_seed = false;
  } else if (reader.problems().size() > before) {
    reader.problems().back().expected += or_auto;
  }
}

void read_resolution(MapReader& reader, RequestDraft& out) {
  std::string word;
  if (!reader.read("resolution", word)) return;
  const std::span<const std::string> words = resolution_names();
  if (std::find(words.begin(), words.end(), word) != words.end()) {
    out.resolution = word;
    return;
  }
  reader.problem("resolution", reader.path_of("resolution") + " has an unknown value", resolution_form(),
                 printable(word, max_shown), nearest(word, words));
}

void read_size(MapReader& reader, const Field& field, RequestDraft& out) {
  const YamlNode* size = reader.find(field.name);
  if (size == nullptr || size->reported) return;
  if (size->kind == YamlNode::Kind::scalar && size->text == from_image) {
    out.size = size->text;
  } else {
    reader.problem(field.name, std::string{other_size}, std::string{sizes_form}, describe(*size));
  }
}

void read_aspect_ratio(MapReader& reader, RequestDraft& out) {
  std::string ratio;
  if (!reader.read("aspect_ratio", ratio)) return;
  if (is_aspect_ratio(ratio)) {
    out.aspect_ratio = ratio;
  } else {
    reader.problem("aspect_ratio", reader.path_of("aspect_ratio") + " is not valid",
                   std::string{aspect_ratio_form}, printable(ratio, max_shown));
  }
}

const Field* request_field(std::string_view name) noexcept {
  const Field* field = field_named(common_request_fields(), name);
  return field != nullptr ? field : field_named(family_request_fields(), name);
}

bool is_size(std::string_view field) {
  return field == "width" || field == "height" || field == "resolution" || field == "aspect_ratio";
}

void read_member(MapReader& reader, const Field& field, std::string& out) { reader.read(field.name, out); }
void read_member(MapReader& reader, const Field& field, double& out) {
  reader.read(field.name, out, field.real);
}
template <std::integral T>
void read_member(MapReader& reader, const Field& field, T& out) {
  reader.read(field.name, out,
              Bounds<T>{static_cast<T>(field.whole.least), static_cast<T>(field.whole.most)});
}

/// Whether the sizes are right, each by itself.
bool read_shared(MapReader& reader, RequestDraft& out) {
  bool sizes_are_right = true;
  visit_draft(out, [&](const Field& field, auto& member) {
    const std::size_t before = reader.problems().size();
    if (field.name == "seed") {
      read_seed(reader, out);
    } else if (field.name == "resolution") {
      read_resolution(reader, out);
    } else if (field.name == "aspect_ratio") {
      read_aspect_ratio(reader, out);
    } else if (field.name == "size") {
      read_size(reader, field, out);
    } else if (field.name != "id" && field.name != "prompt") {
      read_member(reader, field, member);
    }
    if (is_size(field.name) && reader.problems().size() > before) sizes_are_right = false;
  });
  read_fields(reader, family_request_fields(), out.request.more);
  return sizes_are_right;
}

void read_and_settle(MapReader& reader, RequestDraft& out) {
  if (!read_shared(reader, out)) return;
  const std::optional<SizeMistake> mistake =
      settle_sizes(out, {reader.has("width"), reader.has("height"), reader.has("resolution"),
                         reader.has("aspect_ratio"), reader.has("size")});
  if (!mistake) return;
  const std::string message = reader.path_of(mistake->field) + mistake->fault;
  if (mistake->at_key) {
    reader.problem_at_key(mistake->field, message, mistake->expected);
  } else {
    reader.problem(mistake->field, message, mistake->expected);
  }
}

}  // namespace

bool is_id(std::string_view text) noexcept {
  if (text.empty() || text.size() > max_id_length || !is_alphanumeric(text[0])) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_alphanumeric(c) || std::string_view("._~-").find(c) != std::string_view::npos;
  });
}

std::span<const std::string> request_field_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& fields : {common_request_fields(), family_request_fields()}) {
      std::ranges::transform(fields, std::back_inserter(all), &Field::name);
    }
    return all;
  }();
  return names;
}

bool is_text_field(std::string_view name) noexcept {
  const Field* field = request_field(name);
  return field != nullptr && field->is_text();
}

bool is_whole_field(std::string_view name) noexcept {
  const Field* field = request_field(name);
  return field != nullptr && field->kind == FieldKind::whole;
}

FieldValue value_of(const RequestDraft& draft, const Field& field) {
  FieldValue found = value_of(draft.request.more, field).value_or(std::string{});
  visit_draft(draft, [&](const Field& known, const auto& member) {
    if (known.name == field.name) found = member;
  });
  return found;
}

void copy_value(const Field& field, const RequestDraft& from, RequestDraft& to) {
  if (field.name == "seed") to.auto_seed = from.auto_seed;
  to.request.more.erase(field.name);
  const auto given = from.request.more.find(field.name);
  if (given != from.request.more.end()) to.request.more.insert(*given);
  FieldValue value = value_of(from, field);
  visit_draft(to, [&](const Field& known, auto& member) {
    if (known.name == field.name) assign(member, std::move(value));
  });
}

std::optional<SizeMistake> settle_sizes(RequestDraft& draft, const GivenSizes& given) {
  if ((given.width || given.height) && !given.size) draft.size.clear();
  if (!given.resolution && !given.aspect_ratio) return std::nullopt;
  const std::string_view field = given.resolution ? "resolution" : "aspect_ratio";
  if (given.width || given.height) {
    return SizeMistake{
        .field = field,
        .fault = std::string{" and "} + (given.width ? "width" : "height") + " exclude each other",
        .expected = "width and height, or resolution with aspect_ratio",
        .at_key = true};
  }
  if (draft.resolution.empty()) {
    return SizeMistake{.field = field,
                       .fault = " without a resolution",
                       .expected = "resolution: " + resolution_form() + " beside it",
                       .at_key = true};
  }
  const std::string_view ratio = draft.aspect_ratio.empty() ? usual_aspect_ratio : draft.aspect_ratio;
  const std::optional<FrameSize> size = size_of(draft.resolution, ratio);
  if (!size) {
    return SizeMistake{.field = field,
                       .fault = " makes a clip that is too long and thin",
                       .expected = "sides of 16 to " + std::to_string(width_bounds.most) + " pixels"};
  }
  draft.request.width = size->width;
  draft.request.height = size->height;
  return std::nullopt;
}

void read_request_defaults(MapReader defaults, RequestDraft& out) {
  read_and_settle(defaults, out);
  defaults.finish();
}

void read_varied_field(MapReader field, RequestDraft& out) {
  read_shared(field, out);
  field.finish();
}

void read_request(MapReader item, RequestDraft& out) {
  std::string id;
  if (item.read("id", id)) {
    if (is_id(id)) {
      out.request.id = id;
    } else {
      item.problem("id", item.path_of("id") + " is not valid", std::string{id_form},
                   describe(*item.find("id")));
    }
  }
  if (!item.has("prompt")) {
    item.problem("prompt", item.path_of("prompt") + " is missing", "text");
  } else if (item.read("prompt", out.request.prompt) && is_blank(out.request.prompt)) {
    item.problem("prompt", item.path_of("prompt") + " is empty", "text");
  }
  read_and_settle(item, out);
  item.finish();
}

}  // namespace ditmill::configs
