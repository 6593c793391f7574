#pragma once

#include <cstdint>
#include <string_view>

#include "registry/identity/diffusers/checkpoint_keys.h"
#include "registry/identity/diffusers/condition.h"

/// The words that the tables of rules are written in.
namespace ditmill::registry::cascade {

inline constexpr KeyCondition in_any_case{};
constexpr KeyCondition any(std::string_view id) { return {KeyCondition::Asks::any, keys(id)}; }
constexpr KeyCondition all(std::string_view id) { return {KeyCondition::Asks::all, keys(id)}; }
constexpr KeyCondition none(std::string_view id) { return {KeyCondition::Asks::none, keys(id)}; }
constexpr KeyCondition any_ends(std::string_view id) { return {KeyCondition::Asks::any_ends, keys(id)}; }
constexpr KeyCondition all_zero(std::string_view id) { return {KeyCondition::Asks::all_zero, keys(id)}; }
/// shape[dim] == number.
constexpr KeyCondition size(std::string_view id, int dim, std::uint64_t number) {
  return {KeyCondition::Asks::size, keys(id), dim, number};
}
constexpr KeyCondition other_size(std::string_view id, int dim, std::uint64_t number) {
  return {KeyCondition::Asks::other_size, keys(id), dim, number};
}
constexpr KeyCondition any_size(std::string_view id, int dim, std::uint64_t number) {
  return {KeyCondition::Asks::any_size, keys(id), dim, number};
}
/// The same of the prefixed name, if that is there.
constexpr KeyCondition prefixed(KeyCondition condition) {
  condition.prefix_with = condition.names.front();
  return condition;
}
/// The same of the names that Wan's transformer has in this checkpoint.
constexpr KeyCondition wan(KeyCondition condition) {
  condition.prefix_with = keys("wan patch").front();
  return condition;
}

}  // namespace ditmill::registry::cascade
