#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "jobs/results/store/hdf5/h5_disk_file.h"
#include "jobs/results/store/part_reader.h"

namespace ditmill::jobs::results {

/// Writes one HDF5 file that holds items of a run themselves and needs no other: /items/<id> as parts have
/// them, with the root attributes of every file. Holds a chunk of a dataset at a time. The file gets its name
/// when it is whole and durable.
class SingleFile {
 public:
  /// `config`: config.json of the run. Throws Error: usage (there is a file of that name), io, no_space.
  SingleFile(std::string path, const nlohmann::json& config);
  SingleFile(const SingleFile&) = delete;
  SingleFile& operator=(const SingleFile&) = delete;
  ~SingleFile();  ///< removes what is not finished

  /// Copies the item that a part has as `stored`, chunk by chunk as they are compressed. Throws Error:
  /// bad_input (a damaged part), io, no_space.
  void add(const PartReader& part, const std::string& stored, const std::string& id);
  /// Throws Error: io, no_space.
  void finish();

  /// About what an item takes beside its datasets.
  static constexpr std::uint64_t bytes_beside = std::uint64_t{64} << 10;

 private:
  std::string path_;
  std::string temp_;
  std::optional<h5::DiskFile> file_;
  h5::Group items_;
};

}  // namespace ditmill::jobs::results
