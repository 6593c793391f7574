#include "jobs/cli/weights_load.h"

#include <nlohmann/json.hpp>

#include "jobs/cli/json_text.h"
#include "jobs/plan/bind/load_for_job.h"
#include "registry/identity/catalog.h"

namespace ditmill::jobs::cli {

int weights_load(const WeightsLoadOptions& options, std::ostream& out) {
  const registry::LoadReport report =
      plan::load_for_job(options.model, registry::Catalog::known(options.catalog), options.read);
  out << (options.json ? json_text(registry::to_json(report)) : registry::load_text(report));
  return report.exit_code();
}

}  // namespace ditmill::jobs::cli
