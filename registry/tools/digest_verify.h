#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "registry/formats/digest_record.h"

namespace ditmill::registry {

/// Bytes of a file whose leaf digests differ: whole leaves, neighbours joined.
struct DamagedRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool header = false;               ///< it begins before the first tensor
  std::vector<std::string> tensors;  ///< that have bytes in it
};

/// A file that is not as it was recorded.
struct FileFault {
  std::string path;
  std::string what;  ///< for people: "it is missing", "it has 3 bytes, not 4"
  std::vector<DamagedRange> ranges;
};

/// Compares files with a record: of those recorded, the ones that `paths` name or that lie in folders that
/// they name (patterns are expanded). What these hold and the record lacks is a fault, too, where their
/// headers can be read. Throws Error: usage if the record has nothing at a path; as open_file() for a path
/// that cannot be read.
std::vector<FileFault> verify_digests(std::span<const std::string> paths, const DigestRecord& record);

/// [{path, what, ranges: [{begin, end, header, tensors}]}]
nlohmann::json to_json(std::span<const FileFault> faults);
std::string faults_text(std::span<const FileFault> faults, std::size_t files);

/// The files that verify_digests() compares.
std::vector<const DigestedFile*> recorded_at(std::span<const std::string> paths, const DigestRecord& record);

}  // namespace ditmill::registry
