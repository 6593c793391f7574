#include "configs/component_name.h"

#include <array>
#include <nlohmann/json.hpp>

#include "configs/yaml_reader.h"

namespace ditmill::configs {
namespace {

constexpr std::string_view transformer = "transformer";
constexpr std::string_view former_transformer = "dit";

}  // namespace

std::span<const std::string_view> component_names() noexcept {
  static constexpr std::array<std::string_view, 5> names{transformer, "transformer_2", "text_encoder",
                                                         "image_encoder", "vae"};
  return names;
}

std::string_view component_named(std::string_view written) noexcept {
  return written == former_transformer ? transformer : written;
}

std::string_view hashed_name(std::string_view component) noexcept {
  return component == transformer ? former_transformer : component;
}

void report_both_names(MapReader& components, std::string_view key, std::string_view name) {
  components.problem_at_key(key,
                            components.path_of(key) + " is there twice: " + std::string{hashed_name(name)} +
                                " is the former name of " + std::string{name},
                            "one of them");
}

nlohmann::json by_component_name(const nlohmann::json& object) {
  nlohmann::json named = nlohmann::json::object();
  for (const auto& [name, value] : object.items()) named[std::string{component_named(name)}] = value;
  return named;
}

}  // namespace ditmill::configs
