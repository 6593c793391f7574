#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/results/store/hdf5/h5_attribute.h"
#include "jobs/results/store/hdf5/h5_memory_file.h"

namespace ditmill::jobs::results {

/// The values of an output that is kept.
struct PartOutput {
  std::string_view name;  ///< of configs::declared_outputs()
  std::span<const std::byte> bytes;
  std::vector<std::int64_t> shape;
  h5::Attributes attributes = {};  ///< of the dataset
};

/// An item as a part stores it: /items/<id> with its datasets and attributes (contracts.md, "HDF5").
struct PartItem {
  std::string id;
  std::vector<PartOutput> outputs = {};  ///< in any order
  h5::Attributes attributes = {};
};

/// The root attributes of every file of ditmill's: schema_version, software, software_version, date,
/// config_json.
void write_root_attributes(hid_t file, const nlohmann::json& config, const std::string& software_version,
                           const std::string& path);

/// What the journal says of a whole part, so that any byte of it can be checked.
struct SealedPart {
  std::uint64_t bytes = 0;
  std::string hash;  ///< XXH3-128, hex
};

/// Builds one part in memory and writes it at once: until seal() there is nothing on disk.
class PartWriter {
 public:
  /// `gzip`: 0 none, 1 .. 9. The part is built in `memory`, which outlives it.
  PartWriter(std::string path, int gzip, const nlohmann::json& config, const std::string& software_version,
             h5::Buffer& memory);
  PartWriter(const PartWriter&) = delete;
  PartWriter& operator=(const PartWriter&) = delete;
  ~PartWriter() = default;

  /// Stores an item, with one more attribute, seconds_store: the time that this took. Returns the ContentHash
  /// of its bytes. Throws Error: memory, internal (shapes that do not fit the bytes, an id that is there
  /// already).
  std::string add(const PartItem& item);
  /// Bytes so far, about.
  std::uint64_t size() const { return file_.size(); }
  /// Ends the part in memory: nothing can be added from then on, and HDF5 is not asked for anything any more,
  /// so that another thread may seal it.
  void finish();
  /// Writes the part, and makes it durable under its name (and its folder, if need be). Throws Error: io,
  /// no_space; then there is no part. To be called once; finish() is not needed before it.
  SealedPart seal();

  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  int gzip_;
  h5::MemoryFile file_;
  h5::Group items_;
  std::optional<std::string_view> bytes_;  ///< once it is finished
  SealedPart sealed_;
};

}  // namespace ditmill::jobs::results
