#include "dist/weights/stream_pass.h"

#include <algorithm>
#include <utility>

#include "dist/comm/agree.h"

namespace ditmill::dist {

StreamPass::StreamPass(const Communicator& comm, Relay relay, MachineRing* ring, const ComponentPlan& plan,
                       const std::vector<Chunk>& chunks, const Sources& sources, const Streamed& into)
    : comm_(comm),
      ring_(ring),
      plan_(plan),
      chunks_(chunks),
      sources_(sources),
      leads_(relay.leads()),
      into_(into),
      some_failed_(comm, Purpose::agreement),
      relay_(std::move(relay)) {}

void StreamPass::start_threads() {
  std::vector<std::size_t> mine;
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    if (relay_.reads(i)) mine.push_back(i);
  }
  const std::size_t read = std::min(relay_.frames_to_read(), mine.size());
  std::vector<Frame> to_read;
  if (ring_ == nullptr) {
    to_read.resize(read);
    to_get_.resize(relay_.frames_to_get());
  } else {
    ring_->clear();
    for (std::size_t i = 0; leads_ && i < ring_->size(); ++i)
      (i < read ? to_read : to_get_).push_back(ring_->frame(i));
  }
  for (Frame& frame : to_get_) free_.push(&frame);
  if (!mine.empty()) {
    reader_.emplace(
        plan_, chunks_, std::move(mine), std::move(to_read), sources_, comm_.rank(), failure_,
        [this](const Chunk& chunk, std::span<const std::byte> bytes, LoadSeconds& seconds) {
          return digest(chunk, bytes, seconds);
        },
        [this](const Frame& frame) {
          if (ring_ != nullptr) ring_->await(frame, stopped_);
        });
  }
  worker_ = std::thread([this] { assemble(); });
}

Frame* StreamPass::free_frame() {
  Frame* frame = free_.pop().value();
  if (ring_ != nullptr) ring_->await(*frame, stopped_);
  return frame;
}

Relay::Frames StreamPass::frames() {
  Relay::Frames frames{
      .filled = [this] { return timed(work_.stall.read, [this] { return reader_->take(); }); },
      .free = [this] { return timed(work_.stall.copy, [this] { return free_frame(); }); },
      .arrived = [this](Frame* frame) { arrived_.push(frame); }};
  if (ring_ != nullptr) frames.share = [this](const Frame& frame) { ring_->publish(frame); };
  return frames;
}

void StreamPass::pass_on(std::size_t first, std::size_t past, const Relay::Frames& frames) {
  if (takes_from_ring()) {
    passed_.pop();
  } else {
    timed(work_.busy.network, [&] { relay_.bring(chunks_, first, past, frames); });
  }
}

Spoilt StreamPass::run() {
  const Relay::Frames frames = this->frames();
  bool goes_on = true;
  for (std::size_t past = 0; goes_on && past < chunks_.size();) {
    const std::size_t first = std::exchange(past, std::min(past + relay_.window(), chunks_.size()));
    pass_on(first, past, frames);
    goes_on = some_failed_.next(failure_ ? 1 : 0) == 0;
    if (goes_on) continue;
    stopped_ = true;
    if (!takes_from_ring()) relay_.end(chunks_, past, frames);
  }
  some_failed_.finish();
  if (goes_on) worker_.join();  // it ends by itself after the last chunk
  stop();
  settle();
  count_work();
  return std::move(spoilt_);
}

void StreamPass::stop() noexcept {
  stopped_ = true;
  free_.close();
  arrived_.close();
  if (reader_) reader_->stop();
  if (worker_.joinable()) worker_.join();
}

/// Throws the same error on every rank if any has failed. Collective.
void StreamPass::settle() {
  if (comm_.max(failure_ ? 1 : 0, Purpose::agreement) != 0) agree_on(comm_, failure_.get());
  if (into_.tolerant) return;
  std::optional<Error> spoilt;
  if (!spoilt_.empty()) spoilt = spoilt_.begin()->second;
  agree_on(comm_, spoilt);
}

void StreamPass::count_work() {
  work_.busy.network -= work_.stall.read + work_.stall.copy;
  if (takes_from_ring()) work_.busy.network = 0;
  if (reader_) work_.busy += reader_->seconds();
  work_.busy.hash += assembling_.hash;
  work_.busy.copy = assembling_.copy;
  work_.stall.network = waiting_;
  work_.read_bytes = read_bytes_;
  work_.verified_bytes = verified_bytes_ + (into_.hash ? read_bytes_.load() : 0);
  into_.work += work_;
}

registry::Leaf StreamPass::digest(const Chunk& chunk, std::span<const std::byte> bytes,
                                  LoadSeconds& seconds) {
  read_bytes_ += chunk.length;
  const registry::WeightFile& file = plan_.files[chunk.file];
  if (chunk.offset + chunk.length == file.size) expect_as_planned(file, *sources_[chunk.file]);
  return into_.hash ? timed(seconds.hash, [&] { return registry::leaf_digest(bytes); }) : registry::Leaf{};
}

void StreamPass::assemble() {
  std::map<std::size_t, Frame*> early;
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    while (early.empty() || early.begin()->first != i) {
      Frame* frame = timed(waiting_, [this] { return next(); });
      if (frame == nullptr) return;
      early.emplace(frame->chunk, frame);
    }
    Frame* frame = early.extract(i).mapped();
    if (!failure_) {
      if (auto error = failure_of([&] { take(*frame); })) failure_.note(std::move(*error));
    }
    done_with(*frame, i);
  }
}

Frame* StreamPass::next() {
  return takes_from_ring() ? ring_->take(stopped_) : arrived_.pop().value_or(nullptr);
}

void StreamPass::done_with(Frame& frame, std::size_t i) {
  if (takes_from_ring()) {
    ring_->give_back(frame);
    if ((i + 1) % relay_.window() == 0 || i + 1 == chunks_.size()) passed_.push(i + 1);
  } else if (relay_.reads(i)) {
    reader_->give_back();
  } else {
    free_.push(&frame);
  }
}

void StreamPass::take(const Frame& frame) {
  const Chunk& chunk = chunks_[frame.chunk];
  const FrameHeader header = frame.header();
  // Whoever read it has just made the digest of these very bytes.
  const bool digested = ring_ != nullptr ? relay_.reads_here(frame.chunk) : relay_.reads(frame.chunk);
  if (header.valid == 0) {
    // Where nobody failed it is the mark itself that changed.
    spoilt_.emplace(frame.chunk, changed(frame, "the bytes of a chunk",
                                         "a frame that says its reader failed, and it has not"));
  } else if (into_.hash && !digested && relay_.verifies(frame.chunk)) {
    verified_bytes_ += chunk.length;
    const std::optional<Error> spoilt = failure_of([&] { timed(assembling_.hash, [&] { verify(frame); }); });
    if (spoilt && !into_.tolerant) throw Error{*spoilt};
    if (spoilt) spoilt_.emplace(frame.chunk, *spoilt);
  }
  if (into_.hash) into_.digests[chunk.file].leaves[chunk.offset / registry::leaf_bytes] = header.digest;
  timed(assembling_.copy, [&] { into_.assembler.add(chunk, frame.payload(chunk.length)); });
}

Error StreamPass::changed(const Frame& frame, std::string expected, std::string got) const {
  return {Category::communication,
          verifying_weights,
          place_of(plan_, chunks_[frame.chunk], comm_.rank()),
          Expected{std::move(expected)},
          Got{std::move(got)},
          "the bytes changed between rank 0 and this rank: check the network and the memory of its node"};
}

void StreamPass::verify(const Frame& frame) const {
  const FrameHeader header = frame.header();
  if (header.sequence != frame.chunk) {
    throw changed(frame, "chunk " + std::to_string(frame.chunk), "chunk " + std::to_string(header.sequence));
  }
  const std::size_t length = chunks_[frame.chunk].length;
  const registry::Leaf digest = registry::leaf_digest(frame.payload(length));
  if (header.digest == digest) return;
  throw changed(frame,
                "XXH3-128 " + registry::hex(header.digest) + " of " + std::to_string(length) + " bytes",
                registry::hex(digest));
}

}  // namespace ditmill::dist
