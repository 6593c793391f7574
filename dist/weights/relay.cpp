#include "dist/weights/relay.h"

#include <algorithm>
#include <span>
#include <utility>

namespace ditmill::dist {
namespace {

constexpr std::size_t segment_bytes = std::size_t{1} << 20;
constexpr std::size_t most_ahead = 2;   // chunks that are being received
constexpr std::size_t most_behind = 2;  // chunks that are still being sent

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

const Communicator& Relay::local() const noexcept {
  return nodes_ == nullptr || nodes_->count() == 1 ? world_ : nodes_->local();
}

bool Relay::reads_some() const noexcept {
  if (local().rank() != 0) return false;
  return nodes_ == nullptr || nodes_->node() < readers_;
}

bool Relay::reads(std::size_t chunk) const noexcept {
  const int reader = static_cast<int>(chunk % static_cast<std::size_t>(readers_));
  return local().rank() == 0 && (nodes_ == nullptr || nodes_->node() == reader);
}

bool Relay::verifies(std::size_t chunk) const noexcept {
  if (nodes_ == nullptr) return true;
  return chunk % static_cast<std::size_t>(local().size()) == static_cast<std::size_t>(local().rank());
}

Relay::Passing Relay::receive(const Chunk& chunk, Frame* frame) const {
  Passing passing{.frame = frame, .segments = {}};
  const int from = (nodes_->node() + ring() - 1) % ring();
  for (const std::span<std::byte> segment : segments_of(frame->wire(chunk.length))) {
    const Incoming in{.from = from, .data = segment.data(), .bytes = segment.size()};
    passing.segments.push_back(nodes_->leaders().exchange({}, {&in, 1}, Purpose::weights));
  }
  return passing;
}

/// Sends each segment on as it comes in, unless the next machine is the one that read it.
void Relay::forward(std::size_t chunk, std::size_t length, Passing& passing) const {
  const int to = (nodes_->node() + 1) % ring();
  const bool goes_on = to != static_cast<int>(chunk % static_cast<std::size_t>(readers_));
  std::vector<Request> going;
  std::size_t arrived = 0;
  for (const std::span<std::byte> segment : segments_of(passing.frame->wire(length))) {
    if (arrived < passing.segments.size()) passing.segments[arrived++].wait();
    if (!goes_on) continue;
    const Outgoing out{.to = to, .data = segment.data(), .bytes = segment.size()};
    going.push_back(nodes_->leaders().exchange({&out, 1}, {}, Purpose::weights));
  }
  passing.segments = std::move(going);
}

void Relay::bring(const std::vector<Chunk>& chunks, std::size_t first, std::size_t past,
                  const Frames& frames) {
  const bool in_ring = ring() > 1 && local().rank() == 0;
  std::deque<Passing> coming;
  std::deque<Passing> leaving;
  std::size_t asked = first;  // up to there chunks that others read are being received
  const auto let_go = [&](std::size_t most) {
    while (leaving.size() > most) {
      for (Request& request : leaving.front().segments) request.wait();
      frames.arrived(leaving.front().frame);
      leaving.pop_front();
    }
  };
  for (std::size_t i = first; i < past; ++i) {
    Passing passing;
    if (reads(i)) {
      passing.frame = frames.filled();
    } else if (!in_ring) {
      passing.frame = frames.free();
    } else {
      for (asked = std::max(asked, i); asked < past && coming.size() < most_ahead; ++asked) {
        if (!reads(asked)) coming.push_back(receive(chunks[asked], frames.free()));
      }
      passing = std::move(coming.front());
      coming.pop_front();
    }
    if (in_ring) forward(i, chunks[i].length, passing);
    local().broadcast(passing.frame->wire(chunks[i].length), 0, Purpose::weights);
    passing.frame->chunk = i;
    leaving.push_back(std::move(passing));
    let_go(in_ring ? most_behind : 0);
  }
  let_go(0);
}

}  // namespace ditmill::dist
