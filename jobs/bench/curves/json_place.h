#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace ditmill::jobs::bench {

/// Throws Error(bad_input) with line and column of what is no JSON.
nlohmann::json parse_json(const std::string& path, const std::string& text);

/// A value in a JSON file that somebody else may have written, and where it stands: `runs[3].repeat`. What is
/// asked of it and is not so is an Error(bad_input) that names file and place. The value outlives it.
class JsonPlace {
 public:
  JsonPlace(const std::string& file, const nlohmann::json& value);

  const std::string& file() const noexcept { return *file_; }
  bool is_null() const;
  bool is_array() const;
  bool has(const std::string& key) const;
  JsonPlace at(const std::string& key) const;                              ///< a member that has to be there
  void for_each(const std::function<void(const JsonPlace&)>& work) const;  ///< of an array

  std::string text() const;
  bool flag() const;
  double number() const;    ///< 0 or more, finite
  double positive() const;  ///< and not 0
  int count() const;        ///< a whole number from 1 to 2^20
  std::string text_or(const std::string& key, const std::string& otherwise) const;
  bool flag_or(const std::string& key, bool otherwise) const;

 private:
  JsonPlace(const std::string& file, const nlohmann::json& value, std::string place);
  [[noreturn]] void refuse(const std::string& expected) const;

  const std::string* file_;
  const nlohmann::json* value_;
  std::string place_;
};

}  // namespace ditmill::jobs::bench
