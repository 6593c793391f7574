#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "configs/embedded.h"
#include "configs/field.h"
#include "configs/output.h"

namespace ditmill::configs {

/// What every request takes, in the order that they are shown: those of a Request (request.h:
/// visit_fields()), then those that only a draft has (samples, resolution, aspect_ratio).
std::span<const Field> common_request_fields();
/// What every pipeline takes: solver, steps, guidance_scale, flow_shift, numerics.
std::span<const Field> common_pipeline_fields();

/// What a family's models take besides.
struct FamilyFields {
  std::string family;
  std::vector<Field> request = {};
  std::vector<Field> pipeline = {};
  std::vector<Output> outputs = {};  ///< besides the common ones
};

/// The declarations in models/<family>/fields.yaml, which are compiled in.
std::span<const FamilyFields> family_fields();
/// Those of all families, each name once: a name means the same in every family.
std::span<const Field> family_request_fields();
std::span<const Field> family_pipeline_fields();
std::span<const Output> family_outputs();
/// The common outputs, then those of all families by name: the order of an item's content hash.
std::span<const Output> declared_outputs();

/// The field of that name among some; nullptr if there is none.
const Field* field_named(std::span<const Field> fields, std::string_view name) noexcept;

/// Reads a file of declarations: `request` and `pipeline`, each {name: {kind, least, most, words, usual,
/// in_index, says, in_key, may_vary}}; `outputs`: {name: {type, axes, chunk, says}}. Throws Error with all
/// problems.
FamilyFields parse_family_fields(const EmbeddedText& file);

}  // namespace ditmill::configs
