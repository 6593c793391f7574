#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/results/export/tar.h"

namespace ditmill::jobs::results {

/// A file of a sample: its bytes are asked for when they are written.
struct SampleFile {
  std::string extension;  ///< after the key and a dot
  std::uint64_t size = 0;
  std::function<void(const std::function<void(std::span<const std::byte>)>& take)> bytes;
};
SampleFile text_file(std::string extension, std::string text);

/// An id as a key of WebDataset, which ends a key at its first dot: dots become %2E. Ids hold no %, so that
/// different ids have different keys.
std::string sample_key(std::string_view id);

/// What comes before an array's bytes in a .npy file, format 1.0, C order. `dtype`: "|u1", "<f4".
std::string npy_header(std::string_view dtype, std::span<const std::int64_t> shape);

/// Writes samples into shards of tar: DIR/000000.tar and so on, and DIR/metadata.jsonl, a line a sample. The
/// same samples give the same bytes. Every file gets its name when it is whole and durable, metadata.jsonl
/// last.
class WebDatasetWriter {
 public:
  /// A shard holds at most `shard_bytes`, or one sample. Throws Error: usage (the folder holds a data set
  /// already; what an export that did not end left is written over), io.
  WebDatasetWriter(std::string folder, std::uint64_t shard_bytes);
  WebDatasetWriter(const WebDatasetWriter&) = delete;
  WebDatasetWriter& operator=(const WebDatasetWriter&) = delete;
  ~WebDatasetWriter() = default;

  /// Adds a sample. `metadata` goes into metadata.jsonl, with shard (its file's name), offset and bytes.
  void add(std::string_view id, const std::vector<SampleFile>& files, nlohmann::json metadata);
  /// Returns the number of shards.
  std::size_t finish();

 private:
  void end_shard();
  static std::string shard_name(std::size_t number);

  std::string folder_;
  std::uint64_t shard_bytes_;
  std::size_t shards_ = 0;
  std::optional<TarWriter> shard_;
  std::string metadata_path_;
  std::optional<durable::File> metadata_;
};

}  // namespace ditmill::jobs::results
