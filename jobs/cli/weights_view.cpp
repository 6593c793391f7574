#include "jobs/cli/weights_view.h"

#include <ctime>
#include <nlohmann/json.hpp>

#include "jobs/cli/json_text.h"
#include "jobs/results/files/durable.h"
#include "registry/identity/catalog.h"
#include "registry/tools/open_weights.h"
#include "registry/tools/view_export.h"

namespace ditmill::jobs::cli {

int weights_view(const WeightsViewOptions& options, std::ostream& out, std::ostream& log) {
  const registry::OpenedWeights weights = registry::open_weights(options.paths, registry::Catalog::known());
  say_warnings(weights.warnings, log);
  if (!options.export_file.empty()) {
    const std::int64_t now = std::time(nullptr);
    const nlohmann::json exported = weights.components.size() == 1
                                        ? registry::export_json(weights.components.front().component, now)
                                        : registry::export_json(weights.components, now);
    results::durable::write_file(options.export_file, json_text(exported));
  }
  nlohmann::json all = nlohmann::json::array();
  for (const registry::NamedComponent& one : weights.components) {
    if (options.json) {
      all.push_back(registry::view_json(one, options.view));
    } else {
      out << (&one == &weights.components.front() ? "" : "\n") << registry::view_text(one, options.view);
    }
  }
  if (options.json) out << json_text(all);
  return 0;
}

}  // namespace ditmill::jobs::cli
