#include "jobs/cli/registry_verify.h"

#include "registry/tools/catalog_check.h"

namespace ditmill::jobs::cli {

int registry_verify(const std::string& file, std::ostream& out) {
  constexpr int findings = 2;
  const std::vector<Problem> problems = registry::check_catalog(file);
  for (const Problem& problem : problems) out << describe(problem) << "\n";
  return problems.empty() ? 0 : findings;
}

}  // namespace ditmill::jobs::cli
