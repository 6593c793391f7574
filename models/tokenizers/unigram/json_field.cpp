#include "models/tokenizers/unigram/json_field.h"

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "configs/error.h"

namespace ditmill::models {

JsonField JsonField::at(const std::string& name) const {
  if (!value_->is_object()) refuse("an object");
  const auto member = value_->find(name);
  if (member == value_->end()) refuse("the field \"" + name + "\"");
  return {*member, path_ + "." + name};
}

std::optional<JsonField> JsonField::find(const std::string& name) const {
  if (!value_->is_object()) refuse("an object");
  const auto member = value_->find(name);
  if (member == value_->end() || member->is_null()) return std::nullopt;
  return JsonField{*member, path_ + "." + name};
}

std::vector<JsonField> JsonField::elements() const {
  if (!value_->is_array()) refuse("an array");
  std::vector<JsonField> fields;
  for (const nlohmann::json& element : *value_) {
    fields.emplace_back(element, path_ + "[" + std::to_string(fields.size()) + "]");
  }
  return fields;
}

std::string JsonField::text() const {
  if (!value_->is_string()) refuse("a string");
  return value_->get<std::string>();
}

bool JsonField::boolean() const {
  if (!value_->is_boolean()) refuse("true or false");
  return value_->get<bool>();
}

int JsonField::id() const {
  constexpr std::int64_t largest = std::numeric_limits<int>::max() - 1;
  if (!value_->is_number_integer() || value_->get<std::int64_t>() < 0 ||
      value_->get<std::int64_t>() > largest) {
    refuse("a token's id, 0 to " + std::to_string(largest));
  }
  return value_->get<int>();
}

void JsonField::refuse(std::string expected) const {
  throw Error{Category::bad_input,
              std::string(doing),
              Where{.file = std::string(file), .key = path_},
              Expected{std::move(expected)},
              Got{printable(value_->dump(), 80)},
              "the file is cut or damaged: fetch it again"};
}

void JsonField::unsupported(std::string supported) const {
  throw Error{Category::unsupported,
              std::string(doing),
              Where{.file = std::string(file), .key = path_},
              Expected{std::move(supported)},
              Got{printable(value_->dump(), 80)},
              "use the model's spiece.model, or a tokenizer of the T5 family"};
}

}  // namespace ditmill::models
