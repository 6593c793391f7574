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
/// machine that reads it, in segments, so that all links are at work; within a machine it is broadcast. Chunk
/// i is read by the first rank of machine i modulo `readers`.
class Relay {
 public:
  /// Without `nodes`: rank 0 reads, and all ranks are told at once. All outlives the relay.
  Relay(const Communicator& world, const Nodes* nodes, int readers) noexcept
      : world_(world), nodes_(nodes), readers_(readers) {}

  /// Whether this rank reads a chunk.
  bool reads(std::size_t chunk) const noexcept;
  /// Whether it reads any.
  bool reads_some() const noexcept;
  /// Whether this rank is the one of its machine to verify a chunk that it has got.
  bool verifies(std::size_t chunk) const noexcept;

  /// Chunks to bring at a time, before all ranks agree that none has failed. At the end of each the links run
  /// empty.
  std::size_t window() const noexcept { return ring() > 1 ? 64 : 16; }

  /// Brings the chunks [first, past) to this rank, in their order: `filled` gives the frame of one that it
  /// reads, `free` a frame for one that it gets, and `arrived` takes each when its bytes are no longer needed
  /// here. What was begun is finished when this returns. Collective.
  struct Frames {
    std::function<Frame*()> filled;
    std::function<Frame*()> free;
    std::function<void(Frame*)> arrived;
  };
  void bring(const std::vector<Chunk>& chunks, std::size_t first, std::size_t past, const Frames& frames);

 private:
  /// A chunk on its way through this rank.
  struct Passing {
    Frame* frame = nullptr;
    std::vector<Request> segments;  ///< that are coming, then those that are going
  };
  int ring() const noexcept { return nodes_ == nullptr ? 1 : nodes_->count(); }
  const Communicator& local() const noexcept;
  Passing receive(const Chunk& chunk, Frame* frame) const;
  void forward(std::size_t chunk, std::size_t length, Passing& passing) const;

  const Communicator& world_;
  const Nodes* nodes_;
  int readers_;
};

}  // namespace ditmill::dist
