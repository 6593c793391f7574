#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "configs/pipeline_config.h"
#include "dist/mesh.h"
#include "dist/plan/shard_rule.h"
#include "registry/component.h"

namespace ditmill::dist {

/// Blocks of a transformer that are numbered from 0 under one name.
struct BlockList {
  std::string name = "blocks";
  std::int64_t layers = 0;

  bool operator==(const BlockList&) const = default;
};

/// What the names of a block's tensors begin with, and what its shard is called: "blocks.N". `layer` counts
/// through all lists, one behind the other; without lists there is one, of the usual name.
std::string block_name(std::span<const BlockList> lists, std::int64_t layer);

/// How a component is brought to the ranks: made by rank 0 from headers, broadcast, obeyed by all.
struct ComponentPlan {
  std::string name;
  nlohmann::json hyper_parameters;                  ///< effective: what the layers are built from
  configs::Dtype dtype = configs::Dtype::bfloat16;  ///< of the tensors not named in keep_float32
  std::vector<std::string> keep_float32;            ///< tensors that stay float32 whatever dtype says, sorted
  std::vector<registry::WeightFile> files;          ///< read and broadcast in this order
  /// The layers' tensors, where they are not the files' own (registry/component.h); what no part of them is
  /// made of is read and not kept. Empty: every tensor of the files is the layers'.
  std::vector<registry::NamedTensor> named{};

  /// Which part of a tensor of the layers a rank holds; tensors that are not here are whole on every rank.
  std::map<std::string, ShardRule, std::less<>> rules{};
  std::int64_t layers = 0;         ///< blocks of the transformer, which pipeline stages share; 0: none
  std::vector<BlockList> lists{};  ///< that they are in; none: one list of the usual name
  bool fsdp = false;               ///< blocks are sharded over Team::parameters
  /// What a rank does not hold all the time (plan/offloaded.h). Not together with fsdp.
  configs::Offload offload{};

  /// The type that a tensor of the layers has once it is loaded.
  configs::Dtype dtype_of(std::string_view tensor) const;
  ShardRule rule_of(std::string_view tensor) const;
  std::string block_name(std::int64_t layer) const { return dist::block_name(lists, layer); }
  /// Every tensor of the layers, whole: its name and shape.
  void for_each_tensor(
      const std::function<void(const std::string& name, std::span<const std::uint64_t> shape)>& visit) const;
  /// Of all its files, whatever of them is kept.
  std::uint64_t file_bytes() const noexcept;
  /// Bytes that a rank holds all the time once it is loaded: its slice, its stage, its shards.
  std::uint64_t bytes_on(const Mesh& mesh, int rank) const;
};

/// Bytes of an element.
std::uint64_t element_bytes(configs::Dtype dtype) noexcept;

/// The plan as JSON text can carry it, whatever bytes paths and names are made of.
nlohmann::json to_json(const ComponentPlan& plan);
/// What to_json() was given. Throws Error(internal) for anything that it did not write.
ComponentPlan component_plan_from_json(const nlohmann::json& value);

}  // namespace ditmill::dist
