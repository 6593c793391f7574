#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dist/mesh.h"
#include "dist/weights/offload/offloaded_weights.h"
#include "dist/weights/source/planned_files.h"
#include "dist/weights/source/schedule.h"
#include "registry/digest.h"

namespace ditmill::dist {

/// Pieces that are read from the model's files each time, verified and assembled as at loading: for layers on
/// the CPU, so that a model larger than memory runs. Of files that are cached the pages themselves are read,
/// others past the page cache.
class WeightsInFiles final : public OffloadedWeights {
 public:
  /// `digests`: of the plan's files, as they were loaded; without leaves nothing is verified. Opens none
  /// of them yet.
  WeightsInFiles(const ComponentPlan& plan, const Mesh& mesh, int rank, OpenSource open,
                 const std::vector<registry::FileDigest>& digests);

  /// Throws Error: io, also for files that are not what was loaded, once a chunk has been read twice; memory.
  void fetch(std::size_t i, const at::Tensor& buffer) override;

 private:
  /// How to make a piece.
  struct Part {
    ComponentPlan plan;
    std::vector<Chunk> chunks;
    std::vector<std::size_t> wanted;            ///< of these, those that it has bytes of
    std::vector<std::uint64_t> offsets;         ///< in the buffer, by target of Places
    std::vector<registry::FileDigest> digests;  ///< of the files of `plan`
  };
  Part part_of(const Piece& piece, const ComponentPlan& plan,
               const std::vector<registry::FileDigest>& digests) const;
  void read(const Part& part, const at::Tensor& buffer) const;
  static bool are_as_loaded(const Part& part, const Chunk& chunk, std::span<const std::byte> bytes);
  void verify(const Part& part, const Chunk& chunk, std::span<const std::byte> bytes) const;

  Mesh mesh_;
  int rank_;
  OpenSource open_;
  std::vector<Part> parts_;
};

}  // namespace ditmill::dist
