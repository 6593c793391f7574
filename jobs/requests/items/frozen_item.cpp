#include "jobs/requests/items/frozen_item.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "configs/declared_fields.h"
#include "configs/error.h"
#include "configs/hex.h"
#include "configs/number_text.h"
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
    configs::visit_fields(request,
                          [&](const configs::Field& field, auto& member) { member_value(field, member); });
    std::vector<std::string_view> common;
    configs::visit_fields(request, [&](const configs::Field& field, auto&) { common.push_back(field.name); });
    for (const JsonField& field : fields_) {
      if (std::ranges::find(common, field.key) == common.end()) read_more(field, request);
    }
    if (!fault_ && !configs::is_id(request.id))
      refuse(find(fields_, "id")->raw, std::string{configs::id_form});
  }

  void member_value(const configs::Field& known, std::string& out) {
    const JsonField* field = typed(fields_, known.name, JsonKind::string);
    if (fault_) return;
    out = json_text(field->raw);
    if (out.find('\0') != std::string::npos) refuse(field->raw, "a " + known.name + " without NUL");
  }

  template <typename T>
  void member_value(const configs::Field& known, T& out) {
    const JsonField* field = find(fields_, known.name);
    if (field == nullptr) {
      typed(fields_, known.name, JsonKind::integer);
      return;
    }
    const bool real = std::is_floating_point_v<T> && field->kind == JsonKind::real;
    const std::optional<T> value = number_from_text<T>(field->raw);
    const auto within = [&](const auto& bounds) {
      return value && *value >= bounds.least && *value <= bounds.most;
    };
    const bool right = std::is_floating_point_v<T> ? within(known.real) : within(known.whole);
    if ((field->kind != JsonKind::integer && !real) || !right) {
      return refuse(field->raw, "a " + known.name + " that is " + configs::expected_of(known));
    }
    out = *value;
  }

  void read_more(const JsonField& field, configs::Request& request) {
    const configs::Field* known = configs::field_named(configs::family_request_fields(), field.key);
    if (known == nullptr) return refuse(field.raw_key, "a field of a model's requests");
    std::optional<configs::FieldValue> value =
        configs::field_value(*known, nlohmann::json::parse(field.raw, nullptr, false));
    if (!value) return refuse(field.raw, "a " + known->name + " that is " + configs::expected_of(*known));
    configs::keep(request.more, *known, *std::move(value));
  }

  std::string_view line_;
  std::vector<JsonField> fields_;
  std::optional<FrozenFault> fault_;
};

}  // namespace

void append_frozen_item(std::string& out, const PackedItem& item) {
  // In the order and with the numbers of nlohmann's dump: sorted, 16.0.
  std::vector<std::pair<std::string_view, std::string>> fields;
  configs::visit_fields(item, [&](const configs::Field& field, const auto& value) {
    append_json(fields.emplace_back(field.name, std::string{}).second, value);
  });
  std::vector<JsonField> more;
  if (!item.more.empty()) parse_json_line(item.more, more);
  for (const JsonField& field : more) fields.emplace_back(field.key, field.raw);
  std::ranges::sort(fields);
  out += R"({"id":)";
  append_json_string(out, item.id);
  out += R"(,"key":")" + (item.has_key ? registry::hex(item.key) : std::string{});
  out += R"(","request":)";
  char separator = '{';
  for (const auto& [name, value] : fields) {
    out += std::exchange(separator, ',');
    append_json_string(out, name);
    out += ':' + value;
  }
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
