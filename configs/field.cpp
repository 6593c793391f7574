#include "configs/field.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "configs/error.h"
#include "configs/hex.h"
#include "configs/list_text.h"
#include "configs/suggest.h"
#include "configs/yaml_reader.h"

namespace ditmill::configs {
namespace {

bool is_word_of(const Field& field, const std::string& text) {
  return std::ranges::find(field.words, text) != field.words.end();
}

std::optional<FieldValue> file_value(const nlohmann::json& json) {
  constexpr std::size_t digits = 64;
  if (!json.is_object() || json.size() != 2) return std::nullopt;
  const auto path = json.find("path");
  const auto sha256 = json.find("sha256");
  if (path == json.end() || sha256 == json.end() || !path->is_string() || !sha256->is_string()) {
    return std::nullopt;
  }
  FileValue file{.path = *path, .sha256 = *sha256};
  if (!is_hex(file.sha256, digits) || file.path.empty() || file.path.find('\0') != std::string::npos)
    return std::nullopt;
  return file;
}

template <typename T>
bool read_number(MapReader& reader, const Field& field, Bounds<T> bounds, FieldValue& out) {
  T value{};
  if (!reader.read(field.name, value, bounds)) return false;
  out = value;
  return true;
}

/// A file with the digest that its bytes must have: {path, sha256}.
bool read_file(MapReader reader, FieldValue& out) {
  const std::size_t before = reader.problems().size();
  FileValue file;
  reader.read("path", file.path);
  reader.read("sha256", file.sha256);
  reader.finish();
  const std::optional<FieldValue> value = file_value(file);
  if (value) {
    out = *value;
  } else if (reader.problems().size() == before) {
    reader.problem("sha256", reader.path_of("sha256") + " is no digest", "path, and sha256 of 64 digits");
  }
  return value.has_value();
}

}  // namespace

std::string expected_of(const Field& field) {
  switch (field.kind) {
    case FieldKind::text:
      return "text";
    case FieldKind::word: {
      std::string words;
      for (const std::string& word : field.words) extend_list(words, word);
      return words;
    }
    case FieldKind::whole:
      return expected_number(field.whole);
    case FieldKind::real:
      return expected_number(field.real);
    case FieldKind::picture:
      return "the path of a picture: PNG, JPEG or WebP";
  }
  return {};
}

bool read_field(MapReader& reader, const Field& field, FieldValue& out) {
  if (field.kind == FieldKind::picture) {
    const YamlNode* node = reader.find(field.name);
    if (node != nullptr && node->kind == YamlNode::Kind::mapping)
      return read_file(reader.map(field.name), out);
  }
  if (field.kind == FieldKind::whole) return read_number(reader, field, field.whole, out);
  if (field.kind == FieldKind::real) return read_number(reader, field, field.real, out);
  std::string text;
  if (!reader.read(field.name, text)) return false;
  if (field.kind == FieldKind::word && !is_word_of(field, text)) {
    reader.problem(field.name, reader.path_of(field.name) + " has an unknown value", expected_of(field),
                   printable(text, max_shown), nearest(text, field.words));
    return false;
  }
  if (field.kind == FieldKind::picture) {
    out = FileValue{.path = std::move(text)};
  } else {
    out = std::move(text);
  }
  return true;
}

void read_fields(MapReader& reader, std::span<const Field> fields, FieldValues& out) {
  for (const Field& field : fields) {
    FieldValue value;
    if (read_field(reader, field, value)) keep(out, field, std::move(value));
  }
}

void keep(FieldValues& values, const Field& field, FieldValue value) {
  if (field.usual == value) {
    values.erase(field.name);
  } else {
    values[field.name] = std::move(value);
  }
}

std::optional<FieldValue> value_of(const FieldValues& values, const Field& field) {
  const auto found = values.find(field.name);
  return found == values.end() ? field.usual : std::optional{found->second};
}

std::optional<double> real_in(const FieldValues& values, std::string_view field) {
  const auto found = values.find(field);
  if (found == values.end()) return std::nullopt;
  const auto* real = std::get_if<double>(&found->second);
  return real == nullptr ? std::nullopt : std::optional{*real};
}

void to_json(nlohmann::json& json, const FileValue& file) {
  json = {{"path", file.path}, {"sha256", file.sha256}};
}

nlohmann::json to_json(const FieldValue& value) {
  return std::visit([](const auto& held) { return nlohmann::json(held); }, value);
}

std::optional<FieldValue> field_value(const Field& field, const nlohmann::json& json) {
  if (field.kind == FieldKind::picture) return file_value(json);
  if (field.is_text()) {
    if (!json.is_string()) return std::nullopt;
    const auto& text = json.get_ref<const std::string&>();
    // HDF5's variable-length strings end at a NUL: it would be lost on its way to the store.
    if (text.find('\0') != std::string::npos) return std::nullopt;
    return field.kind == FieldKind::text || is_word_of(field, text) ? std::optional<FieldValue>{text}
                                                                    : std::nullopt;
  }
  if (field.kind == FieldKind::real) {
    if (!json.is_number()) return std::nullopt;
    const auto value = json.get<double>();
    return value >= field.real.least && value <= field.real.most ? std::optional<FieldValue>{value}
                                                                 : std::nullopt;
  }
  if (!json.is_number_integer()) return std::nullopt;
  if (json.is_number_unsigned() && !std::in_range<std::int64_t>(json.get<std::uint64_t>())) {
    return std::nullopt;
  }
  const auto value = json.get<std::int64_t>();
  return value >= field.whole.least && value <= field.whole.most ? std::optional<FieldValue>{value}
                                                                 : std::nullopt;
}

std::string short_text(const FieldValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* file = std::get_if<FileValue>(&value))
    return std::filesystem::path(file->path).stem().string();
  std::array<char, 32> digits{};
  return std::visit(
      [&digits](const auto& held) -> std::string {
        if constexpr (std::is_arithmetic_v<std::decay_t<decltype(held)>>) {
          return {digits.data(), std::to_chars(digits.begin(), digits.end(), held).ptr};
        } else {
          return {};
        }
      },
      value);
}

}  // namespace ditmill::configs
