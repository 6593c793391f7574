#include "jobs/cli/weights_synth.h"

#include "jobs/cli/json_text.h"
#include "registry/identity/catalog.h"

namespace ditmill::jobs::cli {

int weights_synth(const WeightsSynthOptions& options, std::ostream& out) {
  registry::SynthRequest request = options.request;
  request.tiny = options.scale == "tiny";
  const registry::Synthesis synthesis =
      registry::synthesize(request, registry::Catalog::known(options.catalog));
  out << (options.json ? json_text(to_json(synthesis)) : synthesis_text(synthesis));
  return 0;
}

}  // namespace ditmill::jobs::cli
