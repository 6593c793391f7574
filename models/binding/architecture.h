#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "dist/plan/plan.h"
#include "dist/plan/shard_rule.h"
#include "models/binding/component_reader.h"
#include "registry/identity/layout.h"

namespace ditmill::models {

/// Hyper-parameters of an architecture, as the catalog names them.
using Sizes = std::map<std::string_view, std::int64_t>;

/// The tensors that an architecture has with these hyper-parameters, without those that are there or not.
/// Throws Error(internal) if one that it needs is missing.
Shapes shapes_of(const registry::Layout& architecture, const Sizes& sizes);

/// Gives each of the sizes what the component's shapes tell: 1 .. 2^30. Throws Error(bad_input) naming the
/// tensors that would tell one of them, or the first block that is missing below another: a missing shard
/// must not pass for a small model.
void solve_sizes(const ComponentReader& reader, const registry::Layout& architecture, Sizes& sizes);

/// A hyper-parameter, and the member that holds it.
template <typename Dims>
struct Size {
  std::string_view hyper_parameter;
  std::int64_t Dims::*member;
};

template <typename Dims>
Shapes shapes_of(const registry::Layout& architecture, std::span<const Size<Dims>> members,
                 const Dims& dims) {
  Sizes sizes;
  for (const Size<Dims>& size : members) sizes[size.hyper_parameter] = dims.*size.member;
  return shapes_of(architecture, sizes);
}

template <typename Dims>
void solve_sizes(const ComponentReader& reader, const registry::Layout& architecture,
                 std::span<const Size<Dims>> members, Dims& dims) {
  Sizes sizes;
  for (const Size<Dims>& size : members) sizes[size.hyper_parameter] = 0;
  solve_sizes(reader, architecture, sizes);
  for (const Size<Dims>& size : members) dims.*size.member = sizes.at(size.hyper_parameter);
}

/// The lists of blocks that an architecture has with these hyper-parameters, in their order.
std::vector<dist::BlockList> block_lists(const registry::Layout& architecture,
                                         const nlohmann::json& hyper_parameters);

/// How the architecture states that a tensor is cut over the mesh. A tensor that it does not state is whole
/// on every rank. Throws Error(internal) without the hyper-parameter that says which rows stay together.
dist::ShardRule shard_rule(const registry::Layout& architecture, const nlohmann::json& hyper_parameters,
                           std::string_view tensor);

}  // namespace ditmill::models
