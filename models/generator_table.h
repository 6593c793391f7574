#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "models/generator.h"

namespace ditmill::models {

/// How a family builds its two halves: declared by each models/<family>/ as make_<family>_text_encoder and
/// make_<family>_generator.
using MakeTextEncoder = std::unique_ptr<TextEncoder>(LoadedModel& model,
                                                     const dist::ParallelContext& parallel);
using MakeGenerator = std::unique_ptr<ClipGenerator>(LoadedModel& model,
                                                     const configs::PipelineConfig& pipeline,
                                                     const dist::ParallelContext& parallel);

struct GeneratorEntry {
  std::string_view family;
  MakeTextEncoder* make_text_encoder;
  MakeGenerator* make_generator;
};

/// The generators of all families, made by CMake from the folders.
std::span<const GeneratorEntry> generator_table();

}  // namespace ditmill::models
