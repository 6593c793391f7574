#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dist/weights/source/file_map.h"
#include "dist/weights/source/first_failure.h"
#include "dist/weights/source/frame.h"
#include "dist/weights/source/load_work.h"
#include "dist/weights/source/planned_files.h"
#include "dist/weights/source/read_ahead.h"
#include "dist/weights/source/schedule.h"

namespace ditmill::dist {

/// Gives the bytes of some chunks of a plan, one after the other: of mapped files where they lie; of others
/// they are read ahead.
class ChunkReader {
 public:
  using Maps = std::vector<std::shared_ptr<const FileMap>>;

  /// `wanted`: numbers in `chunks`, rising. `maps`: one a file, or none; pages of those that are not `kept`
  /// are let go of behind the chunk that is given. All outlives the reader.
  ChunkReader(const ComponentPlan& plan, const std::vector<Chunk>& chunks, std::vector<std::size_t> wanted,
              const Sources& sources, const Maps& maps, std::vector<bool> kept, int rank);
  ChunkReader(const ChunkReader&) = delete;
  ChunkReader& operator=(const ChunkReader&) = delete;

  struct Read {
    std::size_t chunk = 0;
    std::span<const std::byte> bytes;  ///< until the next call
  };
  const LoadWork& work() const noexcept { return work_; }  ///< once all is read
  /// Nothing after the last. Throws the Error of a read, with its place.
  std::optional<Read> next();

 private:
  Read read_mapped(std::size_t i);

  const ComponentPlan& plan_;
  const std::vector<Chunk>& chunks_;
  std::vector<std::size_t> wanted_;
  const Sources& sources_;
  const Maps& maps_;
  std::vector<bool> kept_;
  int rank_;
  std::size_t next_ = 0;
  std::optional<std::size_t> mapped_;  ///< the chunk that was given
  LoadWork work_;
  FirstFailure failure_;
  std::optional<ReadAhead> ahead_;  ///< without maps
};

/// Has the pages of a chunk of a mapped file mapped at once. Throws as FileMap::populate(), with the place.
void populate(const ChunkReader::Maps& maps, const ComponentPlan& plan, const Chunk& chunk, int rank);

}  // namespace ditmill::dist
