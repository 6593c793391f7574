#include "jobs/requests/list/request_fields.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <span>
#include <type_traits>
#include <utility>

#include "configs/declared_fields.h"
#include "configs/error.h"
#include "configs/number_text.h"
#include "configs/resolution.h"
#include "configs/suggest.h"
#include "jobs/requests/text/line_reader.h"
#include "jobs/requests/text/odd_prompts.h"

namespace ditmill::jobs::requests {
namespace {

/// A list whose every line has other fields must not fill the memory with their names.
constexpr std::size_t max_remembered = 1000;
/// A float64 holds every whole number up to this one.
constexpr std::int64_t largest_exact = std::int64_t{1} << 53;

bool contains(std::span<const std::string> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// The whole number that a JSON number with a fraction or an exponent is, if it is one.
std::optional<std::int64_t> whole_number(std::string_view text) {
  const std::optional<double> value = number_from_text<double>(text);
  constexpr double beyond = 9e18;
  if (!value || std::trunc(*value) != *value || std::abs(*value) > beyond) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

}  // namespace

RequestFields::RequestFields(std::string file, const ItemDefaults& defaults, std::vector<Problem>& problems,
                             CountedWarnings& warnings)
    : file_(std::move(file)), defaults_(&defaults), problems_(&problems), warnings_(&warnings) {}

RequestFields::Meaning RequestFields::meaning_of(std::string_view name) {
  if (defaults_->as_metadata.contains(name)) {
    if (!contains(metadata_names_, name)) metadata_names_.emplace_back(name);
    return Meaning::metadata;
  }
  if (contains(configs::request_field_names(), name)) return Meaning::request;
  return unknown(name).mistake() ? Meaning::mistake : Meaning::metadata;
}

const RequestFields::Unknown& RequestFields::unknown(std::string_view name) {
  const auto found = unknown_.find(name);
  if (found != unknown_.end()) return found->second;
  Unknown meant{.setting = configs::setting_called(name), .nearest = {}};
  if (meant.setting && meant.setting->everyday) meant.setting.reset();
  if (!meant.setting) meant.nearest = configs::nearest(name, configs::request_field_names());
  if (unknown_.size() == max_remembered) return not_remembered_ = std::move(meant);
  if (!meant.mistake()) metadata_names_.emplace_back(name);
  return unknown_.emplace(name, std::move(meant)).first->second;
}

std::string RequestFields::field_meant(std::string_view name) {
  const Unknown& meant = unknown(name);
  if (!meant.setting) return meant.nearest;
  return meant.setting->of_requests() ? meant.setting->name : std::string{};
}

void RequestFields::refuse(std::string_view name, std::size_t offset, const std::string& written,
                           const std::string& as_metadata) {
  const Unknown meant = unknown(name);
  const std::string shown = printable(name, max_shown);
  if (!meant.setting) {
    problem(offset, "unknown " + written + " " + shown,
            "a known field, or metadata under a name that is not so near to one", {}, meant.nearest);
  } else if (meant.setting->of_requests()) {
    problem(offset, "unknown " + written + " " + shown + ": it is called " + meant.setting->name,
            meant.setting->name + "; or, to be kept only, " + as_metadata);
  } else {
    const std::string called =
        meant.setting->name == name ? "" : ", where it is called " + meant.setting->name;
    problem(offset,
            written + " " + shown + " is no setting of an item but of the whole job: set it under " +
                meant.setting->section + called,
            meant.setting->path() + " in the manifest; or, to be kept only, " + as_metadata);
  }
}

void RequestFields::begin(std::string_view record, ItemDraft& item) {
  record_ = record;
  item_ = &item;
  places_ = {.id = {.line = item.line, .column = item.column}};
  given_ = {};
  sizes_are_right_ = true;
}

TextPlace RequestFields::place(std::size_t offset) const {
  const bool first_line = record_.substr(0, offset).find('\n') == std::string_view::npos;
  return {.line = item_->line, .column = first_line ? column_at(record_, offset) : 0};
}

void RequestFields::read(const RecordField& field) {
  if (is_absent(field)) return;
  const configs::Field* more = configs::field_named(configs::family_request_fields(), field.name);
  if (more != nullptr) return read_more(field, *more);
  configs::visit_draft(item_->draft, [&](const configs::Field& known, auto& member) {
    if (known.name == field.name) read_member(field, known, member);
  });
}

template <typename Member>
void RequestFields::read_member(const RecordField& field, const configs::Field& known, Member& member) {
  const std::size_t before = problems_->size();
  if constexpr (std::is_same_v<Member, std::string>) {
    if (known.name == "id") {
      places_.id = place(field.value_offset);
      read_id(field);
    } else if (known.name == "resolution" || known.name == "aspect_ratio") {
      read_resolution(field, member);
    } else if (known.name == "size") {
      read_size(field, known, member);
    } else if (read_text(field, member) && known.name == "prompt" && is_blank(member)) {
      problem(field.value_offset, "prompt is empty", "text");
    }
  } else if (known.name == "seed") {
    read_seed(field);
  } else if constexpr (std::is_floating_point_v<Member>) {
    read_number(field, member, known.real);
  } else {
    read_number(field, member,
                configs::Bounds<Member>{static_cast<Member>(known.whole.least),
                                        static_cast<Member>(known.whole.most)});
  }
  const bool right = problems_->size() == before;
  if (known.name == "frames" && right) places_.size.frames = place(field.value_offset);
  if (known.name == "size") given_.size = true;
  if (known.name == "width") {
    given_.width = true;
    places_.size.width = place(field.value_offset);
  } else if (known.name == "height") {
    given_.height = true;
    places_.size.height = place(field.value_offset);
  } else if (known.name == "resolution") {
    given_.resolution = true;
    resolution_key_ = field.key_offset;
  } else if (known.name == "aspect_ratio") {
    given_.aspect_ratio = true;
    aspect_ratio_key_ = field.key_offset;
  } else {
    return;
  }
  sizes_are_right_ = sizes_are_right_ && right;
}

void RequestFields::read_more(const RecordField& field, const configs::Field& known) {
  if (defaults_->lacking.contains(known.name)) {
    return problem(field.key_offset, "this model takes no " + known.name, defaults_->taken());
  }
  configs::FieldValue value;
  bool right = false;
  if (known.kind == configs::FieldKind::picture) {
    if (field.kind == JsonKind::object) return read_pinned_file(field, known);
    std::string path;
    if (!read_text(field, path)) return;
    const InputFile& file = defaults_->files->look(defaults_->directory, path);
    if (file.fault) {
      const Problem fault = InputFiles::problem(known.name, file);
      return problem(field.value_offset, fault.message, fault.expected, fault.got);
    }
    return configs::keep(item_->draft.request.more, known, file.value);
  }
  const auto read_as = [&]<typename T>(T number, configs::Bounds<T> bounds) {
    right = read_number(field, number, bounds);
    value = number;
  };
  if (known.kind == configs::FieldKind::whole) {
    read_as(std::int64_t{0}, known.whole);
  } else if (known.kind == configs::FieldKind::real) {
    read_as(0.0, known.real);
  } else {
    std::string text;
    right = read_text(field, text);
    if (right && !configs::field_value(known, text)) {
      problem(field.value_offset, known.name + " has an unknown value", configs::expected_of(known),
              printable(field.raw, max_shown), configs::nearest(text, known.words));
      right = false;
    }
    value = std::move(text);
  }
  if (right) configs::keep(item_->draft.request.more, known, std::move(value));
}

void RequestFields::read_pinned_file(const RecordField& field, const configs::Field& known) {
  std::optional<configs::FieldValue> file =
      configs::field_value(known, nlohmann::json::parse(field.raw, nullptr, false));
  if (!file) {
    return problem(field.value_offset, known.name + " is no file", "its path, or {path, sha256}",
                   printable(field.raw, max_shown));
  }
  configs::keep(item_->draft.request.more, known, *std::move(file));
}

RecordPlaces RequestFields::end() {
  if (!sizes_are_right_) return places_;
  if (const auto mistake = configs::settle_sizes(item_->draft, given_)) {
    const std::size_t offset = mistake->field == "resolution" ? resolution_key_ : aspect_ratio_key_;
    problem(offset, std::string{mistake->field} + mistake->fault, mistake->expected);
  } else if (given_.resolution || given_.aspect_ratio) {
    places_.size.width = place(given_.resolution ? resolution_key_ : aspect_ratio_key_);
    places_.size.height = places_.size.width;
  }
  return places_;
}

void RequestFields::read_resolution(const RecordField& field, std::string& out) {
  if (!read_word(field, out)) return;
  if (field.name == "aspect_ratio") {
    if (configs::is_aspect_ratio(out)) return;
    problem(field.value_offset, "aspect_ratio is not valid", std::string{configs::aspect_ratio_form},
            printable(field.raw, max_shown));
  } else if (!contains(configs::resolution_names(), out)) {
    problem(field.value_offset, "resolution has an unknown value", configs::resolution_form(),
            printable(field.raw, max_shown), configs::nearest(out, configs::resolution_names()));
  }
}

void RequestFields::read_size(const RecordField& field, const configs::Field& known, std::string& out) {
  if (field.kind == JsonKind::string && contains(known.words, field.text)) {
    out = field.text;
    return;
  }
  problem(field.value_offset, std::string{configs::other_size}, std::string{configs::sizes_form},
          printable(field.raw, max_shown));
}

bool RequestFields::read_word(const RecordField& field, std::string& out) {
  if (field.kind != JsonKind::string) return wrong_type(field, "a string");
  out = field.text;
  return true;
}

bool RequestFields::read_text(const RecordField& field, std::string& out) {
  if (field.kind != JsonKind::string) return wrong_type(field, "a string");
  // HDF5's variable-length strings end at a NUL: it would be lost on its way to the store.
  if (field.text.find('\0') != std::string::npos) {
    problem(field.value_offset, std::string{field.name} + " holds a NUL character", "text", "\\u0000");
    return false;
  }
  out = field.text;
  return true;
}

void RequestFields::read_id(const RecordField& field) {
  if (field.kind != JsonKind::string) {
    wrong_type(field, "a string");
  } else if (configs::is_id(field.text)) {
    item_->draft.request.id = field.text;
  } else {
    problem(field.value_offset, "id is not valid", std::string{configs::id_form},
            printable(field.raw, max_shown));
  }
}

void RequestFields::read_seed(const RecordField& field) {
  if (field.kind == JsonKind::string && field.text == "auto") {
    item_->draft.auto_seed = true;
  } else if (read_number(field, item_->draft.request.seed, configs::seed_bounds)) {
    item_->draft.auto_seed = false;
  } else {
    problems_->back().expected += configs::or_auto;
  }
}

bool RequestFields::is_absent(const RecordField& field) {
  const bool is_null = field.kind == JsonKind::null;
  if (!is_null && (field.kind != JsonKind::string || !is_missing_word(field.text))) return false;
  if (field.name == "prompt") {
    problem(field.value_offset,
            is_null ? "prompt is missing" : "prompt is " + field.text + ", which stands for a missing value",
            "text: the record left out, or its prompt filled in", printable(field.raw, max_shown));
  } else if (!is_null && configs::is_text_field(field.name)) {
    const TextPlace at = place(field.value_offset);
    warnings_->add({.file = file_,
                    .line = at.line,
                    .column = at.column,
                    .message = std::string{field.name} + " is " + field.text +
                               ", which stands for a missing value: taken as not given"},
                   field.name);
  }
  return true;
}

template <typename T>
bool RequestFields::read_number(const RecordField& field, T& out, configs::Bounds<T> bounds) {
  std::optional<std::int64_t> whole;  // 7.0 is 7
  if (std::is_integral_v<T> && field.kind == JsonKind::real) {
    whole = whole_number(field.raw);
    if (whole && std::abs(*whole) > largest_exact) {
      problem(field.value_offset, std::string{field.name} + " may be rounded: it is written as a float",
              "all digits of a whole number above 2^53", printable(field.raw, max_shown));
      return false;
    }
  }
  const bool real = std::is_floating_point_v<T> && field.kind == JsonKind::real;
  if (field.kind != JsonKind::integer && !real && !whole) {
    return wrong_type(field, configs::expected_number(bounds));
  }
  const std::string text = whole ? std::to_string(*whole) : std::string{field.raw};
  const std::optional<T> value = number_from_text<T>(text);
  if (!value || *value < bounds.least || *value > bounds.most) {
    problem(field.value_offset, std::string{field.name} + " is out of range",
            configs::expected_number(bounds), printable(field.raw, max_shown));
    return false;
  }
  out = *value;
  return true;
}

void RequestFields::problem(std::size_t offset, std::string message, std::string expected, std::string got,
                            std::string nearest) {
  const TextPlace at = place(offset);
  problems_->push_back({.file = file_,
                        .line = at.line,
                        .column = at.column,
                        .message = std::move(message),
                        .expected = std::move(expected),
                        .got = std::move(got),
                        .nearest = std::move(nearest)});
}

bool RequestFields::wrong_type(const RecordField& field, std::string expected) {
  std::string got = printable(field.raw, max_shown);
  if (field.raw.starts_with('"') && expected != "a string") got += ", which is text because it is quoted";
  problem(field.value_offset, std::string{field.name} + " has the wrong type", std::move(expected),
          std::move(got));
  return false;
}

}  // namespace ditmill::jobs::requests
