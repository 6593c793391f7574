#include "jobs/requests/items/frozen_item.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>
#include <type_traits>

#include "configs/bounds.h"
#include "configs/error.h"
#include "configs/hex.h"
#include "registry/digest.h"

namespace ditmill::jobs::requests {
namespace {

constexpr std::size_t sha256_digits = 64;
constexpr std::array<std::string_view, 4> names{"id", "key", "request", "metadata"};

const JsonField* find(const std::vector<JsonField>& fields, std::string_view name) {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [name](const JsonField& field) { return field.key == name; });
  return found == fields.end() ? nullptr : &*found;
}

class Reader {
 public:
  explicit Reader(std::string_view line) : line_(line) {}

  std::optional<FrozenFault> read(const std::vector<JsonField>& fields, Item& item) {
    const JsonField* id = typed(fields, "id", JsonKind::string);
    const JsonField* key = typed(fields, "key", JsonKind::string);
    const JsonField* request = typed(fields, "request", JsonKind::object);
    const JsonField* metadata = typed(fields, "metadata", JsonKind::object);
    if (fault_) return fault_;
    if (fields.size() != names.size())
      return FrozenFault{0, "{id, key, request, metadata}", "further fields"};
    read_request(request->raw, item.request);
    item.key = json_text(key->raw);
    item.metadata = metadata->raw;
    if (!fault_ && item.request.id != json_text(id->raw)) refuse(id->raw, "the id of its request");
    if (!fault_ && !is_hex(item.key, sha256_digits)) refuse(key->raw, "a key of 64 digits 0-9 a-f");
    return fault_;
  }

 private:
  void refuse(std::string_view at, std::string expected) {
    if (fault_) return;
    fault_ = {.offset = static_cast<std::size_t>(at.data() - line_.data()),
              .expected = std::move(expected),
              .got = printable(at, max_shown)};
  }

  const JsonField* typed(const std::vector<JsonField>& fields, std::string_view name, JsonKind kind) {
    const JsonField* field = find(fields, name);
    if (field == nullptr) {
      if (!fault_) fault_ = {.offset = 0, .expected = "a field " + std::string{name}, .got = "none"};
    } else if (field->kind != kind) {
      refuse(field->raw, std::string{describe(kind)} + " " + std::string{name});
    }
    return field;
  }

  void read_request(std::string_view raw, configs::Request& request) {
    if (const std::optional<JsonFault> wrong = parse_json_line(raw, fields_)) {
      return refuse(raw, "a request, not " + wrong->message);
    }
    text("id", request.id);
    text("prompt", request.prompt);
    text("negative_prompt", request.negative_prompt);
    number("seed", request.seed, configs::seed_bounds);
    number("width", request.width, configs::width_bounds);
    number("height", request.height, configs::height_bounds);
    number("frames", request.frames, configs::frames_bounds);
    number("fps", request.fps, configs::fps_bounds);
    if (!fault_ && !configs::is_id(request.id))
      refuse(find(fields_, "id")->raw, std::string{configs::id_form});
  }

  void text(std::string_view name, std::string& out) {
    const JsonField* field = typed(fields_, name, JsonKind::string);
    if (fault_) return;
    out = json_text(field->raw);
    if (out.find('\0') != std::string::npos) refuse(field->raw, "a " + std::string{name} + " without NUL");
  }

  template <typename T>
  void number(std::string_view name, T& out, configs::Bounds<T> bounds) {
    const JsonField* field = find(fields_, name);
    if (field == nullptr) {
      typed(fields_, name, JsonKind::integer);
      return;
    }
    const bool real = std::is_floating_point_v<T> && field->kind == JsonKind::real;
    const char* end = field->raw.data() + field->raw.size();
    T value{};
    const auto [parsed, error] = std::from_chars(field->raw.data(), end, value);
    if ((field->kind != JsonKind::integer && !real) || error != std::errc{} || parsed != end ||
        value < bounds.least || value > bounds.most) {
      return refuse(field->raw, "a " + std::string{name} + " that is " + configs::expected_number(bounds));
    }
    out = value;
  }

  std::string_view line_;
  std::vector<JsonField> fields_;
  std::optional<FrozenFault> fault_;
};

}  // namespace

void append_frozen_item(std::string& out, const PackedItem& item) {
  const auto field = [&out](std::string_view name, const auto& value) {
    out += name;
    if constexpr (std::is_integral_v<std::decay_t<decltype(value)>>) {
      out += std::to_string(value);
    } else {
      append_json_string(out, value);
    }
  };
  field(R"({"id":)", item.id);
  out += R"(,"key":")" + (item.has_key ? registry::hex(item.key) : std::string{});
  // In the order and with the numbers of nlohmann's dump: sorted, 16.0.
  out += R"(","request":{"fps":)" + nlohmann::json(item.fps).dump();
  field(R"(,"frames":)", item.frames);
  field(R"(,"height":)", item.height);
  field(R"(,"id":)", item.id);
  field(R"(,"negative_prompt":)", item.negative_prompt);
  field(R"(,"prompt":)", item.prompt);
  field(R"(,"seed":)", item.seed);
  field(R"(,"width":)", item.width);
  out += R"(},"metadata":)";
  out += item.metadata;
  out += "}\n";
}

bool is_frozen_item(const std::vector<JsonField>& fields) {
  return fields.size() == names.size() && std::all_of(names.begin(), names.end(), [&](std::string_view name) {
           return find(fields, name) != nullptr;
         });
}

std::optional<FrozenFault> read_frozen_item(std::string_view line, const std::vector<JsonField>& fields,
                                            Item& item) {
  return Reader{line}.read(fields, item);
}

}  // namespace ditmill::jobs::requests
