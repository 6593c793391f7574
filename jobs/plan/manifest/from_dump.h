#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "configs/error.h"
#include "jobs/plan/manifest/manifest.h"

namespace ditmill::jobs::plan {

/// A job as its dump tells it (`run --from-dump`).
struct DumpedJob {
  ManifestSource source;  ///< decodes to the job; what is wrong with a value has its place in the dump
  nlohmann::json dump;    ///< as it was read
  std::optional<std::string> negative_prompt = {};  ///< of the one item of an item's dump: final
  int threads = 0;                                  ///< a rank had; 0: the dump does not say
};

/// What `output:` says, but for the path, as the dump keeps it.
nlohmann::json dump_output(const results::OutputConfig& output);

/// Reads RUN/config.json, whose items are in the requests.jsonl that it names and has the SHA-256 of; or one
/// item's config_json, saved to a file. Every field that this version writes must be there: a dump leaves
/// nothing to defaults. What is wrong with its shape, with that list, or with `sets` is added to `problems`,
/// and the result is then not to be used. Throws Error: bad_input for a file that is no JSON, not_found, io.
DumpedJob read_dump(const std::string& path, std::vector<std::string> sets, std::vector<Problem>& problems);

/// Makes a decoded manifest what the dump says where a manifest cannot say it, and has its tree name the
/// items that the new run directory will keep, so that its frozen manifest stands alone.
void settle_dump(const DumpedJob& dumped, Manifest& manifest);

/// What can change the bytes of results and is not as the dump has it, a line each: versions of ditmill and
/// of its libraries, threads, device, fields of the identity. `config` is the dump of the job that repeats
/// it.
std::vector<std::string> changes_since(const nlohmann::json& dump, const nlohmann::json& config);

/// The fields of two dumps that both have and that differ, a line each, by their dotted paths.
std::vector<std::string> differences(const nlohmann::json& then, const nlohmann::json& now,
                                     std::span<const char* const> fields);

/// The error of a mesh that does not fit the world, with what a dump's user can do about it.
Error with_dump_hint(const Error& error);

}  // namespace ditmill::jobs::plan
