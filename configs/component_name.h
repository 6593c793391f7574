#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

namespace ditmill::configs {

class MapReader;

/// The names that components of models have: those of diffusers' model_index.json. Of two transformers,
/// `transformer` takes away the high noise.
std::span<const std::string_view> component_names() noexcept;

/// The name that is meant by one that a manifest, a dump or a run directory has: `dit`, the former name of
/// `transformer`, is read as that.
std::string_view component_named(std::string_view written) noexcept;
/// A name as keys and digest roots have it: `transformer` is still spelt `dit` there, so that those of
/// earlier versions stay valid.
std::string_view hashed_name(std::string_view component) noexcept;

/// Adds the problem that `name` is there by its name of now and by its former one, at one of these keys.
void report_both_names(MapReader& components, std::string_view key, std::string_view name);

/// An object by component with its keys as component_named() reads them.
nlohmann::json by_component_name(const nlohmann::json& object);

}  // namespace ditmill::configs
