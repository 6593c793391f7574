#include "jobs/cli/weights_digest.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "jobs/cli/json_text.h"
#include "jobs/plan/bind/model_digest.h"
#include "jobs/results/files/durable.h"
#include "registry/byte_source.h"
#include "registry/formats/digest_record.h"
#include "registry/identity/catalog.h"
#include "registry/identity/model_path.h"
#include "registry/tools/digest_verify.h"
#include "registry/tools/file_digest.h"
#include "registry/tools/open_weights.h"

namespace ditmill::jobs::cli {
namespace {

int verify(const WeightsDigestOptions& options, std::ostream& out) {
  constexpr int damaged = 2;
  constexpr std::uint64_t largest_record = std::uint64_t{1} << 28;
  const registry::DigestRecord record =
      registry::parse_digest_record(registry::read_text(options.verify, largest_record), options.verify);
  const std::vector<registry::FileFault> faults = registry::verify_digests(options.paths, record);
  out << (options.json ? json_text(registry::to_json(faults))
                       : faults_text(faults, registry::recorded_at(options.paths, record).size()));
  return faults.empty() ? 0 : damaged;
}

}  // namespace

int weights_digest(const WeightsDigestOptions& options, std::ostream& out) {
  if (!options.verify.empty()) return verify(options, out);
  const registry::Catalog catalog = registry::Catalog::known(options.catalog);
  registry::DigestRecord record;
  record.files = registry::digest_files(registry::files_of(options.paths, catalog));
  for (const std::string& path : registry::expand_patterns(options.paths)) {
    if (registry::looks_like_model(path))
      record.models.push_back(plan::digest_of_model(path, catalog, record.files));
  }
  if (!options.write.empty()) {
    const std::string folder =
        std::filesystem::path{registry::whole_path(options.write)}.parent_path().native();
    results::durable::write_file(options.write, json_text(registry::to_json(record, folder)));
  }
  out << (options.json ? json_text(registry::to_json(record, "")) : digest_text(record));
  return 0;
}

}  // namespace ditmill::jobs::cli
