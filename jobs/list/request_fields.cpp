#include "jobs/list/request_fields.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <type_traits>
#include <utility>

#include "configs/resolution.h"
#include "configs/suggest.h"
#include "jobs/list/line_reader.h"

namespace ditmill::jobs {
namespace {

constexpr std::size_t max_shown = 80;
/// A list whose every line has other fields must not fill the memory with their names.
constexpr std::size_t max_remembered = 1000;

bool contains(std::span<const std::string> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

RequestFields::RequestFields(std::string file, std::vector<Problem>& problems)
    : file_(std::move(file)), problems_(&problems) {}

RequestFields::Meaning RequestFields::meaning_of(std::string_view name) {
  if (contains(configs::request_field_names(), name)) return Meaning::request;
  return nearest_to(name).empty() ? Meaning::metadata : Meaning::mistake;
}

const std::string& RequestFields::nearest_to(std::string_view name) {
  const auto found = nearest_.find(name);
  if (found != nearest_.end()) return found->second;
  std::string nearest = configs::nearest(name, configs::request_field_names());
  if (nearest_.size() < max_remembered) return nearest_.emplace(name, std::move(nearest)).first->second;
  return not_remembered_ = std::move(nearest);
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
  configs::RequestDraft& draft = item_->draft;
  configs::Request& request = draft.request;
  if (field.name == "id") {
    places_.id = place(field.value_offset);
    read_id(field);
  } else if (field.name == "prompt") {
    if (read_text(field, request.prompt) && is_blank(request.prompt)) {
      problem(field.value_offset, "prompt is empty", "text");
    }
  } else if (field.name == "negative_prompt") {
    read_text(field, request.negative_prompt);
  } else if (field.name == "seed") {
    read_seed(field);
  } else if (field.name == "frames") {
    if (read_number(field, request.frames, configs::frames_bounds)) {
      places_.size.frames = place(field.value_offset);
    }
  } else if (field.name == "fps") {
    read_number(field, request.fps, configs::fps_bounds);
  } else if (field.name == "samples") {
    read_number(field, draft.samples, configs::samples_bounds);
  } else {
    read_size(field);
  }
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

void RequestFields::read_size(const RecordField& field) {
  configs::RequestDraft& draft = item_->draft;
  bool right = false;
  if (field.name == "width") {
    given_.width = true;
    right = read_number(field, draft.request.width, configs::width_bounds);
    places_.size.width = place(field.value_offset);
  } else if (field.name == "height") {
    given_.height = true;
    right = read_number(field, draft.request.height, configs::height_bounds);
    places_.size.height = place(field.value_offset);
  } else if (field.name == "resolution") {
    given_.resolution = true;
    resolution_key_ = field.key_offset;
    right = read_word(field, draft.resolution);
    if (right && !contains(configs::resolution_names(), draft.resolution)) {
      problem(field.value_offset, "resolution has an unknown value", configs::resolution_form(),
              printable(field.raw, max_shown),
              configs::nearest(draft.resolution, configs::resolution_names()));
      right = false;
    }
  } else {
    given_.aspect_ratio = true;
    aspect_ratio_key_ = field.key_offset;
    right = read_word(field, draft.aspect_ratio);
    if (right && !configs::is_aspect_ratio(draft.aspect_ratio)) {
      problem(field.value_offset, "aspect_ratio is not valid", std::string{configs::aspect_ratio_form},
              printable(field.raw, max_shown));
      right = false;
    }
  }
  sizes_are_right_ = sizes_are_right_ && right;
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
  }
}

template <typename T>
bool RequestFields::read_number(const RecordField& field, T& out, configs::Bounds<T> bounds) {
  const bool real = std::is_floating_point_v<T> && field.kind == JsonKind::real;
  if (field.kind != JsonKind::integer && !real) return wrong_type(field, configs::expected_number(bounds));
  T value{};
  const char* end = field.raw.data() + field.raw.size();
  const std::from_chars_result parsed = std::from_chars(field.raw.data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end || value < bounds.least || value > bounds.most) {
    problem(field.value_offset, std::string{field.name} + " is out of range",
            configs::expected_number(bounds), printable(field.raw, max_shown));
    return false;
  }
  out = value;
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
  problem(field.value_offset, std::string{field.name} + " has the wrong type", std::move(expected),
          printable(field.raw, max_shown));
  return false;
}

}  // namespace ditmill::jobs
