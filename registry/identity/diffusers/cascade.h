#pragma once

#include <string>
#include <vector>

#include "registry/identity/diffusers/condition.h"
#include "registry/identity/diffusers/diffusers_types.h"
#include "registry/identity/layout.h"

namespace ditmill::registry {

/// What diffusers takes a checkpoint for: one type, exactly as its infer_diffusers_model_type, or, without
/// `reads_all_zero`, the types between which only the values of a tensor decide. `label` names the checkpoint
/// in messages. Where diffusers ends with an exception this throws, too: Error(bad_input) for a tensor that
/// is not there or lacks a dimension, Error(unknown_model) for sizes that no type has.
std::vector<const DiffusersType*> diffusers_type(const ShapeTable& shapes, const std::string& label,
                                                 const AllZero& reads_all_zero = {});

}  // namespace ditmill::registry
