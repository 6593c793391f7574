#include "dist/weights/relay.h"

#include <algorithm>
#include <span>
#include <utility>

namespace ditmill::dist {
namespace {

constexpr std::size_t segment_bytes = std::size_t{1} << 20;
constexpr std::size_t most_ahead = 3;   // steps for which chunks are being received
constexpr std::size_t most_behind = 3;  // chunks that are still being sent

std::vector<std::span<std::byte>> segments_of(std::span<std::byte> wire) {
  std::vector<std::span<std::byte>> segments;
  while (!wire.empty()) {
    const std::size_t length = std::min(segment_bytes, wire.size());
    segments.push_back(wire.first(length));
    wire = wire.subspan(length);
  }
  return segments;
}

}  // namespace

Relay::Relay(const Communicator& world, const Nodes* nodes, int readers, std::size_t chunks) noexcept
    : world_(world), nodes_(nodes), readers_(static_cast<std::size_t>(readers)), chunks_(chunks) {}

const Communicator& Relay::local() const noexcept {
  return nodes_ == nullptr || nodes_->count() == 1 ? world_ : nodes_->local();
}

bool Relay::reads_some() const noexcept {
  return local().rank() == 0 && (nodes_ == nullptr || node() < readers_);
}

bool Relay::reads(std::size_t chunk) const noexcept {
  return local().rank() == 0 && (nodes_ == nullptr || node() == chunk % readers_);
}

bool Relay::reads_here(std::size_t chunk) const noexcept {
  return nodes_ == nullptr ? reads(chunk) : node() == chunk % readers_;
}

bool Relay::verifies(std::size_t chunk) const noexcept {
  if (nodes_ == nullptr) return true;
  return chunk % static_cast<std::size_t>(local().size()) == static_cast<std::size_t>(local().rank());
}

/// Whole rounds.
std::size_t Relay::window() const noexcept {
  return ring() == 1 ? 4 : (16 + readers_ - 1) / readers_ * readers_;
}

/// Those that are coming and leaving, one that is looked at, and a round that waits for its first chunk.
std::size_t Relay::frames_to_get() const noexcept {
  return ring() == 1 ? 4 : most_ahead + 1 + most_behind + 1 + (readers_ > 1 ? readers_ : 0);
}

/// Those that are leaving, one that waits for others of its round or is looked at, and two that are read.
std::size_t Relay::frames_to_read() const noexcept {
  return ring() == 1 ? 8 : (most_behind + readers_) / readers_ + (readers_ > 4 ? 2 : 3);
}

std::size_t Relay::frames_of_machine() const noexcept {
  if (ring() == 1) return frames_to_read();
  return frames_to_get() + (node() < readers_ ? frames_to_read() : 0);
}

std::size_t Relay::chunk_of(std::size_t step) const noexcept {
  if (readers_ == 1 || ring() == 1) return step;
  const std::size_t first = step / readers_ * readers_;
  const std::size_t round = std::min(readers_, chunks_ - first);  // the last may be short
  // Readers by their distance to this machine, from itself on against the direction of the ring.
  const std::size_t nearest = std::min(node(), round - 1);
  return first + (nearest + round - (step - first)) % round;
}

/// What ends here need not be waited for before the next round begins with this machine's own.
std::size_t Relay::made_in(std::size_t step, std::size_t first, std::size_t past) const noexcept {
  if (readers_ == 1 || ring() == 1) return step;
  const auto change = [this](std::size_t ends, std::size_t begins) {
    return !goes_on(chunk_of(ends)) && chunk_of(begins) % readers_ == node();
  };
  if (step + 1 < past && change(step, step + 1)) return step + 1;
  if (step > first && change(step - 1, step)) return step - 1;
  return step;
}

Relay::Passing Relay::receive(const Chunk& chunk, Frame* frame) const {
  Passing passing{.frame = frame, .segments = {}};
  const auto from = static_cast<int>((node() + ring() - 1) % ring());
  for (const std::span<std::byte> segment : segments_of(frame->wire(chunk.length))) {
    const Incoming in{.from = from, .data = segment.data(), .bytes = segment.size()};
    passing.segments.push_back(nodes_->leaders().exchange({}, {&in, 1}, Purpose::weights));
  }
  return passing;
}

/// Sends each segment on as it comes in.
void Relay::forward(std::size_t chunk, std::size_t length, Passing& passing) const {
  const auto to = static_cast<int>((node() + 1) % ring());
  std::vector<Request> going;
  std::size_t arrived = 0;
  for (const std::span<std::byte> segment : segments_of(passing.frame->wire(length))) {
    if (arrived < passing.segments.size()) passing.segments[arrived++].wait();
    if (!goes_on(chunk)) continue;
    const Outgoing out{.to = to, .data = segment.data(), .bytes = segment.size()};
    going.push_back(nodes_->leaders().exchange({&out, 1}, {}, Purpose::weights));
  }
  passing.segments = std::move(going);
}

void Relay::let_go(std::size_t most, const Frames& frames) {
  while (leaving_.size() > most) {
    for (Request& request : leaving_.front().segments) request.wait();
    frames.arrived(leaving_.front().frame);
    leaving_.pop_front();
  }
}

void Relay::bring(const std::vector<Chunk>& chunks, std::size_t first, std::size_t past, std::size_t end,
                  const Frames& frames) {
  const bool in_ring = ring() > 1 && local().rank() == 0;
  for (std::size_t step = first; step < past; ++step) {
    const std::size_t i = chunk_of(made_in(step, first, past));
    if (in_ring) {
      for (; asked_ < std::min(step + 1 + most_ahead, end); ++asked_) {
        const std::size_t next = chunk_of(asked_);
        if (!reads(next)) coming_.push_back(receive(chunks[next], frames.free()));
      }
    }
    Passing passing;
    if (reads(i)) {
      passing.frame = frames.filled();
    } else if (!in_ring) {
      passing.frame = frames.free();
    } else {
      passing = std::move(coming_.front());
      coming_.pop_front();
    }
    if (in_ring) forward(i, chunks[i].length, passing);
    passing.frame->chunk = i;
    if (frames.share) {
      frames.share(*passing.frame);
    } else {
      local().broadcast(passing.frame->wire(chunks[i].length), 0, Purpose::weights);
    }
    leaving_.push_back(std::move(passing));
    let_go(in_ring ? most_behind : 0, frames);
  }
}

void Relay::bring(const std::vector<Chunk>& chunks, std::size_t first, std::size_t past,
                  const Frames& frames) {
  bring(chunks, first, past, chunks_, frames);
  if (past == chunks_) let_go(0, frames);
}

void Relay::end(const std::vector<Chunk>& chunks, std::size_t past, const Frames& frames) {
  const std::size_t rounds = (most_ahead + readers_ - 1) / readers_;
  const std::size_t end = std::min(past + rounds * readers_, chunks_);
  if (ring() > 1) bring(chunks, past, end, end, frames);
  let_go(0, frames);
}

}  // namespace ditmill::dist
