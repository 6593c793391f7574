#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "dist/comm/communicator.h"
#include "dist/weights/source/frame.h"
#include "dist/weights/tensors/tensor_memory.h"

namespace ditmill::dist {

/// Frames in memory that the ranks of a machine share, all of its pages made, for load after load: the first
/// rank fills them and publishes each once, the others take what was published, in the same order, and give
/// it back in any. Who waits sleeps. A rank that dies leaves the others waiting, until the job's liveness
/// ends them.
class MachineRing {
 public:
  /// Collective over the ranks of a machine. Throws the agreed Error (no_space, memory, io).
  MachineRing(const Communicator& local, std::size_t frames);
  MachineRing(const MachineRing&) = delete;
  MachineRing& operator=(const MachineRing&) = delete;

  std::size_t size() const noexcept { return frames_.size(); }
  /// Forgets all of an earlier load. By every rank, and none publishes before all have.
  void clear() noexcept;

  /// The memory of a frame, for the first rank to fill.
  Frame frame(std::size_t i) const noexcept { return Frame{frame_bytes(i)}; }
  /// Tells the other ranks of a frame that has been filled, and of its chunk.
  void publish(const Frame& frame) noexcept;
  /// Returns once no other rank has the frame any more, or when `stopped`.
  void await(const Frame& frame, const std::atomic<bool>& stopped) const noexcept;

  /// For the other ranks: what was published next; null when `stopped`.
  Frame* take(const std::atomic<bool>& stopped) noexcept;
  void give_back(const Frame& frame) noexcept;

 private:
  using Word = std::atomic<std::uint32_t>;
  static_assert(Word::is_always_lock_free);
  /// What the ranks tell each other of a frame, and of the i-th, modulo their number, that was published: no
  /// frame is published twice before all have given it back, so none of these is overtaken.
  struct alignas(64) Entry {
    Word holders = 0;         ///< ranks that have not given back the frame
    std::uint32_t frame = 0;  ///< of what was published here
    std::uint64_t chunk = 0;
  };
  struct alignas(64) Head {
    Word published = 0;
  };

  Head& head() const noexcept { return *reinterpret_cast<Head*>(memory_->bytes().data()); }
  Entry& entry(std::size_t i) const noexcept {
    return reinterpret_cast<Entry*>(memory_->bytes().data() + sizeof(Head))[i];
  }
  std::byte* frame_bytes(std::size_t i) const noexcept { return first_frame_ + i * Frame::memory_bytes; }
  Entry& entry_of(const Frame& frame) const noexcept;

  bool first_;
  std::uint32_t others_;
  std::shared_ptr<TensorMemory> memory_;
  std::byte* first_frame_ = nullptr;
  std::vector<Frame> frames_;  ///< as this rank sees them
  std::uint32_t taken_ = 0;
};

}  // namespace ditmill::dist
