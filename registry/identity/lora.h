#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "registry/identity/catalog.h"
#include "registry/key_hash.h"

namespace ditmill::registry {

/// What the header of a LoRA tells.
struct LoraFacts {
  std::string style;                 ///< diffusers, peft, comfyui, lightx2v, kohya, diffsynth, lycoris; other
  std::vector<std::uint64_t> ranks;  ///< of its pairs of factors, each once, ascending
  /// What is changed, as the file names it, without prefix and with `*` for the numbers of blocks:
  /// `blocks.*.ffn.0`.
  std::vector<std::string> targets;
  /// Entries of the catalog that have every target in its shape; with other layouts of a name it is there
  /// once.
  std::vector<std::string> bases;
};

/// Reads a LoRA's names and shapes. Names of targets are those of the base's layout, or, as kohya's tools
/// write them, with `_` for every dot.
LoraFacts lora_facts(std::span<const NamedShape> tensors, const Catalog& catalog);

}  // namespace ditmill::registry
