#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "configs/bounds.h"
#include "configs/choice.h"

namespace ditmill::configs {

class MapReader;

/// What a field's values are; word: one of some; picture: a picture's file.
enum class FieldKind { text, word, whole, real, picture };
inline constexpr std::array<Choice<FieldKind>, 5> field_kinds{{{"text", FieldKind::text},
                                                               {"word", FieldKind::word},
                                                               {"whole", FieldKind::whole},
                                                               {"real", FieldKind::real},
                                                               {"picture", FieldKind::picture}}};

/// A file that a request names.
struct FileValue {
  std::string path;         ///< as it is written, until it has been looked at; then absolute
  std::string sha256 = {};  ///< lower-case hex, of its bytes when it was looked at; empty until then

  bool operator==(const FileValue&) const = default;
};
void to_json(nlohmann::json& json, const FileValue& file);

using FieldValue = std::variant<std::string, std::int64_t, double, FileValue>;
/// Values by field: what was given, where it is not what the field is without.
using FieldValues = std::map<std::string, FieldValue, std::less<>>;

/// A field of requests (layer 3) or of pipelines (layer 2), declared once: what reads, keeps, hashes, shows
/// and explains fields walks these declarations (declared_fields.h).
struct Field {
  std::string name;
  FieldKind kind = FieldKind::text;
  Bounds<std::int64_t> whole{};          ///< of whole numbers
  Bounds<double> real{};                 ///< of real ones
  std::vector<std::string> words = {};   ///< of a word
  std::optional<FieldValue> usual = {};  ///< what it is where nothing else says
  std::string in_index = {};             ///< what model_index.json calls it; empty: nothing
  std::string says = {};                 ///< what it does: a line for people
  bool in_key = true;                    ///< changes pixels
  bool may_vary = true;                  ///< `requests.matrix` may vary it

  bool operator==(const Field&) const = default;
  /// A text or a word: what is written in quotes.
  bool is_text() const noexcept { return kind == FieldKind::text || kind == FieldKind::word; }
};

/// What a Problem expects of a field's value: "a whole number from 1 to 1000", "unipc or euler", "text".
std::string expected_of(const Field& field);

/// Reads a field over what `out` holds. A picture is a path, or {path, sha256}. A problem goes to the reader.
/// Returns whether it was set.
bool read_field(MapReader& reader, const Field& field, FieldValue& out);
/// Reads all of them that are there.
void read_fields(MapReader& reader, std::span<const Field> fields, FieldValues& out);
/// Keeps a value, unless it is what the field is without it.
void keep(FieldValues& values, const Field& field, FieldValue value);
/// The value of a field, or what it is without one; none if neither is there.
std::optional<FieldValue> value_of(const FieldValues& values, const Field& field);

/// Gives a member of a struct a value of its kind.
template <typename Member>
void assign(Member& member, FieldValue value) {
  if constexpr (std::is_integral_v<Member>) {
    member = static_cast<Member>(std::get<std::int64_t>(value));
  } else {
    member = std::get<Member>(std::move(value));
  }
}

/// A real number among values; none if there is none of that name.
std::optional<double> real_in(const FieldValues& values, std::string_view field);

nlohmann::json to_json(const FieldValue& value);
/// None if it is not of the field's kind or out of its bounds. A file is what to_json() made of it.
std::optional<FieldValue> field_value(const Field& field, const nlohmann::json& json);
/// A value as ids and lines of text have it: 16, 0.875, a word, a file's name without its ending.
std::string short_text(const FieldValue& value);

}  // namespace ditmill::configs
