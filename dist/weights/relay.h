#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "dist/comm/communicator.h"
#include "dist/weights/nodes.h"
#include "dist/weights/source/frame.h"
#include "dist/weights/source/schedule.h"

namespace ditmill::dist {

/// The way of chunks between machines: their first ranks form a ring, and a chunk goes round it from the
/// machine that reads it, in segments, so that all links are at work; within a machine it is shared. Chunk
/// i is read by the first rank of machine i modulo the number of readers. A round is a chunk of each reader:
/// a machine gives its own on first, then what comes from the one before it.
class Relay {
 public:
  /// Gives frames for chunks, and takes them when their bytes are no longer needed here.
  struct Frames {
    std::function<Frame*()> filled;  ///< with the next chunk that this rank reads
    std::function<Frame*()> free;    ///< for one that it gets
    std::function<void(Frame*)> arrived;
    /// Tells the other ranks of the machine of it; empty: it is broadcast to them.
    std::function<void(const Frame&)> share = {};
  };

  /// Without `nodes`: rank 0 reads, and all ranks are told at once. All outlives the relay, and the frames
  /// do.
  Relay(const Communicator& world, const Nodes* nodes, int readers, std::size_t chunks) noexcept;

  /// Whether this rank is the first of its machine.
  bool leads() const noexcept { return local().rank() == 0; }
  /// Whether this rank reads a chunk.
  bool reads(std::size_t chunk) const noexcept;
  /// Whether it reads any.
  bool reads_some() const noexcept;
  /// Whether a rank of this machine does.
  bool reads_here(std::size_t chunk) const noexcept;
  /// Whether this rank is the one of its machine to verify a chunk that it has got.
  bool verifies(std::size_t chunk) const noexcept;

  /// Steps to make before all ranks agree that none has failed.
  std::size_t window() const noexcept;
  /// How many frames this rank needs for chunks that it gets, so that none waits for another.
  std::size_t frames_to_get() const noexcept;
  /// And for those that it reads. Where many read no more: the one that reads ahead takes from the others.
  std::size_t frames_to_read() const noexcept;
  /// Both, on the first rank of this rank's machine.
  std::size_t frames_of_machine() const noexcept;

  /// Brings the chunks of the steps [first, past) to this rank: as many as there are chunks, in an order of
  /// its machine. What is on its way between machines may still be so when it returns. Collective; over the
  /// first ranks of machines where frames are shared.
  void bring(const std::vector<Chunk>& chunks, std::size_t first, std::size_t past, const Frames& frames);
  /// Ends what is on its way after bring() up to `past`, where nobody goes on: whole rounds are brought until
  /// no rank waits for what another would not send. Collective.
  void end(const std::vector<Chunk>& chunks, std::size_t past, const Frames& frames);

 private:
  /// A chunk on its way through this rank.
  struct Passing {
    Frame* frame = nullptr;
    std::vector<Request> segments;  ///< that are coming, then those that are going
  };
  std::size_t ring() const noexcept {
    return nodes_ == nullptr ? 1 : static_cast<std::size_t>(nodes_->count());
  }
  const Communicator& local() const noexcept;
  std::size_t node() const noexcept { return static_cast<std::size_t>(nodes_->node()); }
  /// The chunk that comes to this machine in a step.
  std::size_t chunk_of(std::size_t step) const noexcept;
  /// The step that is made in the place of one of [first, past).
  std::size_t made_in(std::size_t step, std::size_t first, std::size_t past) const noexcept;
  void bring(const std::vector<Chunk>& chunks, std::size_t first, std::size_t past, std::size_t end,
             const Frames& frames);
  void let_go(std::size_t most, const Frames& frames);
  Passing receive(const Chunk& chunk, Frame* frame) const;
  /// Whether the next machine gets a chunk from this one: unless it is the one that reads it.
  bool goes_on(std::size_t chunk) const noexcept { return (node() + 1) % ring() != chunk % readers_; }
  void forward(std::size_t chunk, std::size_t length, Passing& passing) const;

  const Communicator& world_;
  const Nodes* nodes_;
  std::size_t readers_;
  std::size_t chunks_;
  std::deque<Passing> coming_;
  std::deque<Passing> leaving_;
  std::size_t asked_ = 0;  ///< step up to which chunks of others are being received
};

}  // namespace ditmill::dist
