#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::models {

/// A value in tokenizer.json that knows its dotted path, for the messages. Every reader refuses a value of
/// another kind with an Error(bad_input) that names the path. Keeps a reference to the value.
class JsonField {
 public:
  static constexpr std::string_view file = "tokenizer.json";
  static constexpr std::string_view doing = "read the tokenizer";

  JsonField(const nlohmann::json& value, std::string path) : value_(&value), path_(std::move(path)) {}

  /// A member of an object; it must be there.
  JsonField at(const std::string& name) const;
  /// A member of an object; none if it is absent or null.
  std::optional<JsonField> find(const std::string& name) const;
  std::vector<JsonField> elements() const;
  std::string text() const;
  bool boolean() const;
  /// A token's id: a whole number from 0 to 2^31-2.
  int id() const;

  /// Throws Error(bad_input): got is the value.
  [[noreturn]] void refuse(std::string expected) const;
  /// Throws Error(unsupported): got is the value.
  [[noreturn]] void unsupported(std::string supported) const;

 private:
  const nlohmann::json* value_;
  std::string path_;
};

}  // namespace ditmill::models
