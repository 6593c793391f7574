#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "configs/error.h"
#include "registry/component.h"
#include "registry/identity/diffusers/diffusers_types.h"
#include "registry/key_hash.h"

namespace ditmill::registry {

/// What diffusers takes weights for.
struct DiffusersAnswer {
  std::string path;
  /// One; or those between which only values decide that are not read; none beside an error.
  std::vector<const DiffusersType*> types = {};
  std::optional<Error> error = {};
};

/// The tensors of a component by the names that diffusers' loader gives them: of a checkpoint of torch what
/// is under `state_dict` (as often as there is one in it), without what dictionaries within that hold.
std::vector<NamedShape> tensors_for_diffusers(const Component& component);

/// What diffusers takes each of these paths for, from headers, and from the values of one tensor where its
/// rules ask for them: files, folders, indices, patterns (as of
/// a shell; a path that exists is none). Shards among them, by their names, are one with the others of their
/// set. Errors are part of the answer.
std::vector<DiffusersAnswer> as_diffusers(std::span<const std::string> paths);

}  // namespace ditmill::registry
