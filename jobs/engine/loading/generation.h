#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dist/comm/communicator.h"
#include "jobs/engine/loading/loading.h"
#include "jobs/engine/loading/text_source.h"
#include "jobs/engine/loading/text_spool.h"
#include "jobs/engine/ranks/rank_mesh.h"
#include "jobs/engine/ranks/teamwork.h"
#include "models/generator.h"

namespace ditmill::jobs::engine {

/// What turns items into clips on this rank.
struct Generation {
  std::unique_ptr<models::TextEncoder> encoder;  ///< null with offload: stages
  std::shared_ptr<const TextSpool> spool;        ///< with offload: stages
  TextSource texts;                              ///< of one of these
  std::unique_ptr<models::ClipGenerator> generator;
};

/// A rehearsal's: clips that take so many seconds each.
Generation rehearse(double seconds);

/// What is encoded before the first clip, and the folder, made already, that keeps it.
struct TextsToSpool {
  std::vector<models::TextTask> texts;
  std::string folder;
};

/// What is referred to outlives the generation.
struct GenerationParts {
  const dist::Communicator* world = nullptr;  ///< failures are agreed on by it
  const RankMesh* mesh = nullptr;
  at::Device device = at::kCPU;
  GroupSeams seams = {};
  std::function<TextsToSpool()> texts_to_spool = {};  ///< called on rank 0, once, with offload: stages
};

/// Loads the model, the text encoder first. With offload: stages all texts are encoded then, and its memory
/// is given back before the rest is loaded. Weights are taken out of `loading` as they are used; what was
/// learnt of them stays there. Collective. Throws the agreed Error.
Generation load_generation(const LoadPlan& plan, const GenerationParts& parts, Loading& loading);

}  // namespace ditmill::jobs::engine
