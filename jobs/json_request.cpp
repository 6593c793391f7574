#include "jobs/json_request.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <type_traits>
#include <utility>

#include "configs/suggest.h"
#include "jobs/line_reader.h"

namespace ditmill::jobs {
namespace {

constexpr std::size_t max_shown = 80;
/// A list whose every line has other fields must not fill the memory with their names.
constexpr std::size_t max_remembered = 1000;

}  // namespace

struct JsonRequestReader::Line {
  std::string_view text;
  int number;

  TextPlace place(const JsonField& field) const {
    return {.line = number, .column = column_at(text, field.value_offset)};
  }
};

JsonRequestReader::JsonRequestReader(std::string file, std::vector<Problem>& problems)
    : file_(std::move(file)), problems_(&problems) {}

RequestPlaces JsonRequestReader::read(std::string_view text, const std::vector<JsonField>& fields,
                                      Item& item) {
  const Line line{.text = text, .number = item.line};
  RequestPlaces places{.id = {.line = item.line, .column = item.column}};
  std::string metadata;
  bool has_prompt = false;
  for (const JsonField& field : fields) {
    const Meaning meaning = meaning_of(line, field);
    if (meaning == Meaning::request) read_field(line, field, item.request, places);
    if (meaning == Meaning::metadata) {
      metadata += metadata.empty() ? "{" : ",";
      metadata += field.raw_key;
      metadata += ':';
      append_compact(metadata, field.raw);
    }
    has_prompt = has_prompt || field.key == "prompt" ||
                 (meaning == Meaning::mistake && misspelt(field.key) == "prompt");
  }
  if (!has_prompt) {
    problems_->push_back({.file = file_,
                          .line = item.line,
                          .column = item.column,
                          .message = "prompt is missing",
                          .expected = "a field prompt"});
  }
  if (!metadata.empty()) item.metadata = metadata + "}";
  return places;
}

JsonRequestReader::Meaning JsonRequestReader::meaning_of(const Line& line, const JsonField& field) {
  const std::span<const std::string> known = configs::request_field_names();
  if (std::find(known.begin(), known.end(), field.key) != known.end()) return Meaning::request;
  if (field.key == "samples" || field.key == "resolution" || field.key == "aspect_ratio") {
    const bool samples = field.key == "samples";
    problem(
        line, field.key_offset,
        samples ? "this version cannot expand samples" : "this version cannot derive sizes from " + field.key,
        samples ? "a line for each sample, with its own seed" : "width and height");
    return Meaning::mistake;
  }
  const std::string nearest = misspelt(field.key);
  if (nearest.empty()) return Meaning::metadata;
  problem(line, field.key_offset, "unknown field " + printable(field.key, max_shown),
          "a known field, or metadata under a name that is not so near to one", {}, nearest);
  return Meaning::mistake;
}

std::string JsonRequestReader::misspelt(const std::string& key) {
  const auto found = nearest_.find(key);
  if (found != nearest_.end()) return found->second;
  std::string nearest = configs::nearest(key, configs::request_field_names());
  if (nearest_.size() < max_remembered) nearest_.emplace(key, nearest);
  return nearest;
}

void JsonRequestReader::read_field(const Line& line, const JsonField& field, configs::Request& request,
                                   RequestPlaces& places) {
  if (field.key == "id") {
    places.id = line.place(field);
    read_id(line, field, request.id);
  } else if (field.key == "prompt") {
    if (read_text(line, field, request.prompt) && is_blank(request.prompt)) {
      problem(line, field.value_offset, "prompt is empty", "text");
    }
  } else if (field.key == "negative_prompt") {
    places.negative_prompt = read_text(line, field, request.negative_prompt);
  } else if (field.key == "seed") {
    read_seed(line, field, request.seed);
  } else if (field.key == "width") {
    if (read_number(line, field, request.width, configs::width_bounds)) places.size.width = line.place(field);
  } else if (field.key == "height") {
    if (read_number(line, field, request.height, configs::height_bounds))
      places.size.height = line.place(field);
  } else if (field.key == "frames") {
    if (read_number(line, field, request.frames, configs::frames_bounds))
      places.size.frames = line.place(field);
  } else {
    read_number(line, field, request.fps, configs::fps_bounds);
  }
}

bool JsonRequestReader::read_text(const Line& line, const JsonField& field, std::string& out) {
  if (field.kind != JsonKind::string) return wrong_type(line, field, "a string");
  std::string text = json_text(field.raw);
  // HDF5's variable-length strings end at a NUL: it would be lost on its way to the store.
  if (text.find('\0') != std::string::npos) {
    problem(line, field.value_offset, field.key + " holds a NUL character", "text", "\\u0000");
    return false;
  }
  out = std::move(text);
  return true;
}

void JsonRequestReader::read_id(const Line& line, const JsonField& field, std::string& out) {
  if (field.kind != JsonKind::string) {
    wrong_type(line, field, "a string");
    return;
  }
  std::string id = json_text(field.raw);
  if (configs::is_id(id)) {
    out = std::move(id);
  } else {
    problem(line, field.value_offset, "id is not valid", std::string{configs::id_form},
            printable(field.raw, max_shown));
  }
}

void JsonRequestReader::read_seed(const Line& line, const JsonField& field, std::int64_t& out) {
  if (field.raw == "\"auto\"") {
    problem(line, field.value_offset, "this version cannot derive seeds from ids (seed: auto)",
            configs::expected_number(configs::seed_bounds), "auto");
  } else {
    read_number(line, field, out, configs::seed_bounds);
  }
}

template <typename T>
bool JsonRequestReader::read_number(const Line& line, const JsonField& field, T& out,
                                    configs::Bounds<T> bounds) {
  const bool real = std::is_floating_point_v<T> && field.kind == JsonKind::real;
  if (field.kind != JsonKind::integer && !real)
    return wrong_type(line, field, configs::expected_number(bounds));
  T value{};
  const char* end = field.raw.data() + field.raw.size();
  const std::from_chars_result parsed = std::from_chars(field.raw.data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end || value < bounds.least || value > bounds.most) {
    problem(line, field.value_offset, field.key + " is out of range", configs::expected_number(bounds),
            printable(field.raw, max_shown));
    return false;
  }
  out = value;
  return true;
}

void JsonRequestReader::problem(const Line& line, std::size_t offset, std::string message,
                                std::string expected, std::string got, std::string nearest) {
  problems_->push_back({.file = file_,
                        .line = line.number,
                        .column = column_at(line.text, offset),
                        .message = std::move(message),
                        .expected = std::move(expected),
                        .got = std::move(got),
                        .nearest = std::move(nearest)});
}

bool JsonRequestReader::wrong_type(const Line& line, const JsonField& field, std::string expected) {
  problem(line, field.value_offset, field.key + " has the wrong type", std::move(expected),
          printable(field.raw, max_shown));
  return false;
}

}  // namespace ditmill::jobs
