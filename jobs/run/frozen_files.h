#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "jobs/list/item_list.h"
#include "jobs/run/run_directory.h"

namespace ditmill::jobs {

/// Writes the items under a temporary name beside requests.jsonl, which it returns: for
/// publish_frozen(). An item a line {id, key, request, metadata}. Throws Error: io, no_space.
std::string write_requests_beside(const RunDirectory& run, const ItemList& items);

/// Makes these the manifest.yaml, requests.jsonl and config.json of the run directory. `requests` is what
/// write_requests_beside() returned, or run.requests() where they stay as they are; `config` has the hashes
/// of the other two. Whoever dies between them leaves files of which each is that of config.json or of a
/// whole config.json.tmp: read_unpublished_config(). Throws Error: io, no_space.
void publish_frozen(const RunDirectory& run, std::string_view manifest, const std::string& requests,
                    const nlohmann::json& config);

/// The config.json that a start had written and not published when it died; null if there is none, or if it
/// is torn. Throws Error(io).
nlohmann::json read_unpublished_config(const RunDirectory& run);

}  // namespace ditmill::jobs
