#pragma once

#include <string>

#include "jobs/results/listing/stored_run.h"

namespace ditmill::jobs::cli {

/// `ditmill results show RUN ID [--json]`: all that is kept of one item, done or not. JSON: {id, key, state,
/// attempts, reason, part, content, datasets: {name: shape}, attributes: {name: value}}, with the attributes
/// that hold JSON (config_json, metadata_json) as objects; part to attributes are null if the item is not
/// done.
results::ResultsOutput results_show(const std::string& run_directory, const std::string& id, bool json);

}  // namespace ditmill::jobs::cli
