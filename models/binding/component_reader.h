#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "registry/component.h"

namespace ditmill::models {

using Shapes = std::map<std::string, std::vector<std::uint64_t>, std::less<>>;

/// Far above any model, low enough that no product of two of them wraps.
inline constexpr std::uint64_t largest_size = std::uint64_t{1} << 30;

/// Reads hyper-parameters off a component's shapes and its config.json, and refuses where the two disagree.
/// Every throw is an Error naming the component, and the tensor or the field of config.json.
class ComponentReader {
 public:
  /// `doing` heads every message; `kind` says what the component should be ("a UMT5 encoder").
  /// Throws Error(unsupported) for element types that cannot be computed with, of tensors that layers use.
  ComponentReader(const registry::Component& component, std::string doing, std::string kind);

  const std::string& kind() const noexcept { return kind_; }
  const std::string& doing() const noexcept { return doing_; }
  const registry::Component& component() const noexcept { return component_; }
  const Shapes& shapes() const noexcept { return shapes_; }
  bool has(std::string_view tensor) const { return shapes_.contains(tensor); }
  /// A dimension of a tensor of that rank: 1 .. 2^30.
  std::int64_t size(const std::string& tensor, std::size_t rank, std::size_t index) const;
  /// How many tensors `prefix` + 0, 1, ... + `suffix` there are.
  std::int64_t count(const std::string& prefix, const std::string& suffix) const;

  /// The place of a field of config.json, for messages.
  Where at_field(const std::string& name) const;
  /// A field of config.json; null is as good as absent.
  const nlohmann::json* field(const std::string& name) const;
  /// Its value as a whole number 1 .. 2^30.
  std::optional<std::int64_t> integer(const std::string& name) const;
  /// Its value as a number above 0.
  std::optional<double> positive(const std::string& name) const;
  /// `count` finite numbers.
  std::optional<std::vector<double>> numbers(const std::string& name, std::size_t count) const;
  /// Refuses a value that differs from what the shapes say.
  void agrees(const std::string& name, const nlohmann::json& shapes_say) const;
  /// Refuses (unsupported) any value but this one, the only one that ditmill can compute.
  void only(const std::string& name, const nlohmann::json& supported) const;

  /// Refuses unless the component has exactly these tensors.
  void account(const Shapes& expected) const;
  [[noreturn]] void refuse(const std::string& tensor, std::string expected, std::string got,
                           std::string hint = {}) const;

 private:
  [[noreturn]] void refuse_field(const std::string& name, std::string expected) const;

  const registry::Component& component_;
  std::string doing_;
  std::string kind_;
  Shapes shapes_;
};

}  // namespace ditmill::models
