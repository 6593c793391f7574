#include "jobs/cli/weights_diff.h"

#include <nlohmann/json.hpp>

#include "jobs/cli/json_text.h"
#include "registry/identity/catalog.h"
#include "registry/tools/diff.h"
#include "registry/tools/open_weights.h"

namespace ditmill::jobs::cli {

int weights_diff(const WeightsDiffOptions& options, std::ostream& out, std::ostream& log) {
  constexpr int different = 2;
  const registry::Catalog catalog = registry::Catalog::known();
  const registry::OpenedWeights a = registry::open_weights({&options.a, 1}, catalog);
  const registry::OpenedWeights b = registry::open_weights({&options.b, 1}, catalog);
  say_warnings(a.warnings, log);
  say_warnings(b.warnings, log);
  const registry::WeightDifference difference = registry::diff_weights(a, b, options.values);
  out << (options.json ? json_text(to_json(difference)) : diff_text(difference));
  return difference.alike() ? 0 : different;
}

}  // namespace ditmill::jobs::cli
