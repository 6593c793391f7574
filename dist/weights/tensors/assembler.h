#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "dist/plan/places.h"
#include "dist/weights/source/schedule.h"
#include "dist/weights/tensors/runs.h"
#include "dist/weights/tensors/tensor_map.h"

namespace ditmill::dist {

/// Which targets of Places an assembler makes, and where.
struct Destination {
  /// An uninitialised tensor on the host for a target; empty: LibTorch's own memory.
  std::function<at::Tensor(std::size_t target)> room = {};
  std::vector<bool> mine = {};  ///< by target; empty: all
};

/// Makes a rank's slices of the layers' tensors out of the chunks of a plan, which come in the order of the
/// schedule. Bytes are copied, never aliased, so that neither the alignment in the file nor the chunk's life
/// matters. Of a dense tensor only the bytes that are kept are copied: to their place where they have the
/// plan's type already, else to a reused buffer, to be converted by LibTorch when the last is in. A view with
/// strides is gathered whole first; parts of a tensor are joined. The bits are those of `.to()`, whatever is
/// cut (of NaNs, not their payload). A complete tensor goes to the device; of one of a block that is sharded
/// what is this rank's is gathered, where it lies in one piece, and goes to its bytes of the block. Tensors
/// without elements are there from the start.
class Assembler {
 public:
  /// The plan outlives it, and has passed check_plan().
  Assembler(const ComponentPlan& plan, const Mesh& mesh, int rank, const at::Device& device = at::kCPU,
            Destination destination = {});

  /// Chunks that hold nothing of what is made may be left out.
  void add(const Chunk& chunk, std::span<const std::byte> bytes);
  /// Has some targets that are complete made once more, of chunks that come again from the first on.
  void make_again(std::vector<bool> targets);
  /// All tensors by name, and shards of blocks by ComponentPlan::block_name(). Throws Error(internal) if
  /// bytes are missing.
  TensorMap finish();
  /// The blocks that are sharded.
  const std::map<std::int64_t, BlockLayout>& blocks() const noexcept { return places_.blocks(); }

 private:
  /// A tensor of the files whose bytes are coming in.
  struct Open {
    const registry::TensorInfo* info = nullptr;
    const Place* place = nullptr;
    Runs runs{};         ///< that are gathered: all of it where it has strides
    at::Tensor bytes{};  ///< gathers them; the result itself where `direct`
    bool direct = false;
    Range in_shard{};  ///< elements of the target that are gathered, where that is no more than the shard's
  };

  /// Null if nothing of that tensor of the files is made here.
  const Place* place_of(const registry::TensorInfo& tensor) const;
  at::Tensor room_for(std::size_t target) const;
  Open open(const registry::TensorInfo& tensor, const Place& place);
  void close(Open& tensor);
  at::Tensor take_buffer(const registry::TensorInfo& tensor, std::int64_t bytes);
  void put(const Open& tensor, const at::Tensor& value);
  void join(const Open& tensor, const at::Tensor& value);
  Range elements_in_shard(const Target& target, const Runs& runs) const;
  void shard(const Target& target, const at::Tensor& value, std::int64_t first_element = 0);

  const ComponentPlan* plan_;
  at::Device device_;
  Destination destination_;
  Places places_;
  std::size_t file_ = 0;
  std::size_t next_ = 0;  ///< the first tensor of file_ that has not begun
  std::vector<Open> open_;
  std::vector<at::Tensor> buffers_;  ///< free ones
  std::size_t missing_ = 0;          ///< tensors of the files that are kept and not complete
  /// A target whose parts are being joined, and how many have not come.
  struct Joining {
    at::Tensor tensor;
    std::size_t missing = 0;
  };
  std::map<std::size_t, Joining> joining_;  ///< by target
  std::map<std::int64_t, at::Tensor> shards_;
  TensorMap tensors_;
};

}  // namespace ditmill::dist
