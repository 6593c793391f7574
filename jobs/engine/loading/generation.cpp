#include "jobs/engine/loading/generation.h"

#include <ATen/ATen.h>
#include <malloc.h>
#include <spdlog/spdlog.h>

#include "configs/size_text.h"
#include "dist/comm/agree.h"
#include "dist/weights/source/load_work.h"
#include "jobs/engine/loading/noop_generator.h"
#include "jobs/engine/loading/text_stage.h"
#include "jobs/plan/memory/memory_limit.h"
#include "jobs/plan/memory/memory_plan.h"

namespace ditmill::jobs::engine {
namespace {

std::shared_ptr<const TextSpool> spool_texts(const GenerationParts& parts, models::TextEncoder& encoder) {
  TextsToSpool spool;
  dist::agree(*parts.world, [&] {
    if (parts.world->rank() == 0) spool = parts.texts_to_spool();
  });
  const std::string folder = parts.world->broadcast_text(spool.folder, 0, dist::Purpose::plan);
  return std::make_shared<const TextSpool>(
      encode_texts(parts.mesh->ranks, parts.mesh->parallel, encoder, spool.texts, folder, parts.seams));
}

/// Builds layers of the components that were loaded last. Collective.
void build(const dist::Communicator& world, Loading& loading, const std::function<void()>& layers) {
  double seconds = 0;
  dist::agree(world, [&] { dist::timed(seconds, layers); });
  for (LoadedComponent& component : loading.components) {
    if (component.build_seconds == 0) component.build_seconds = seconds;
  }
  if (world.rank() == 0) spdlog::info("built layers in {:.3f} s", seconds);
}

}  // namespace

Generation rehearse(double seconds) {
  Generation generation;
  generation.generator = std::make_unique<NoopGenerator>(seconds);
  return generation;
}

Generation load_generation(const LoadPlan& plan, const GenerationParts& parts, Loading& loading) {
  const dist::ParallelContext& parallel = parts.mesh->parallel;
  const dist::Tell& tell = parts.seams.tell;
  const dist::Nodes nodes{parts.mesh->ranks, plan::machine_id()};
  const auto load = [&](LoadStage stage) {
    load_stage(nodes, plan, stage, parallel.mesh(), parts.device, loading, tell);
  };
  Generation generation;
  load(LoadStage::text);
  tell("building the text encoder");
  build(*parts.world, loading,
        [&] { generation.encoder = models::make_text_encoder(loading.model, parallel); });
  const configs::Offload& offload = plan.pipeline.components.at("text_encoder").offload;
  generation.texts.cache_bytes = plan::text_cache_bytes(offload);
  generation.texts.encodings = models::family_named(plan.family).encodings(plan.pipeline);
  if (offload.any()) {
    generation.spool = spool_texts(parts, *generation.encoder);
    generation.encoder.reset();
    malloc_trim(0);
    spdlog::debug("the text encoder's memory is given back: {} resident",
                  gigabytes(plan::process_memory().resident));
    generation.texts.encoded = [spool = generation.spool](const models::TextTask& task) {
      models::EncodedText encoded;
      models::translate_errors([&] { encoded = spool->read(task); });
      return encoded;
    };
  } else {
    generation.texts.ahead = true;
    generation.texts.encoded = [tell, encoder = generation.encoder.get()](const models::TextTask& task) {
      tell("encoding a text");
      return encoder->encode(task);
    };
  }
  load(LoadStage::clips);
  tell("building the generator");
  build(*parts.world, loading,
        [&] { generation.generator = models::make_generator(loading.model, plan.pipeline, parallel); });
  return generation;
}

}  // namespace ditmill::jobs::engine
