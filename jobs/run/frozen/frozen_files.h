#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "jobs/requests/items/item_list.h"
#include "jobs/results/files/run_directory.h"

namespace ditmill::jobs::run {

/// Writes the items under a temporary name beside requests.jsonl, which it returns: for
/// publish_frozen(). An item a line {id, key, request, metadata}. Throws Error: io, no_space.
std::string write_requests_beside(const results::RunDirectory& run, const requests::ItemList& items);

/// Makes these the manifest.yaml, requests.jsonl and config.json of the run directory. `requests` is what
/// write_requests_beside() returned, or run.requests() where they stay as they are; `config` has the hashes
/// of the other two. Whoever dies between them leaves files of which each is that of config.json or of a
/// whole config.json.tmp: read_unpublished_config(). Throws Error: io, no_space.
void publish_frozen(const results::RunDirectory& run, std::string_view manifest, const std::string& requests,
                    const nlohmann::json& config);

/// The config.json that a start had written and not published when it died; null if there is none, or if it
/// is torn. Throws Error(io).
nlohmann::json read_unpublished_config(const results::RunDirectory& run);

/// SHA-256 of a list's bytes, as lower-case hex, read piece by piece. Throws Error: not_found, bad_input, io.
std::string list_sha256(const std::string& path);

/// What the dump says of a run's items: that they are in requests.jsonl, which `file` is or will be, how
/// many, and its hash. Throws Error as list_sha256() does.
nlohmann::json dump_requests(const std::string& file, std::size_t items);

}  // namespace ditmill::jobs::run
