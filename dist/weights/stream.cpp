#include "dist/weights/stream.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "configs/error.h"
#include "dist/comm/agree.h"
#include "dist/comm/late_max.h"
#include "dist/weights/relay.h"
#include "dist/weights/source/channel.h"
#include "dist/weights/source/first_failure.h"
#include "dist/weights/source/frame.h"
#include "dist/weights/source/planned_files.h"
#include "dist/weights/source/read_ahead.h"
#include "dist/weights/source/schedule.h"
#include "dist/weights/tensors/assembler.h"

namespace ditmill::dist {
namespace {

constexpr const char* changed_on_the_way =
    "the bytes changed between rank 0 and this rank: check the network and the memory of its node";

/// Three stages, and frames that go round between them: where chunks are read threads fill and digest, the
/// calling thread passes them on, the assembler, another thread, brings them into the order of the schedule,
/// verifies and copies. Which collective comes next never depends on what was received, only on the schedule
/// and on what all ranks have agreed on; so a rank that failed keeps broadcasting until the next agreement.
class Stream {
 public:
  Stream(const Communicator& comm, Relay relay, const ComponentPlan& plan, const Mesh& mesh, Sources sources,
         std::vector<Chunk> chunks, const LoadOptions& options)
      : comm_(comm),
        hash_(options.hash),
        plan_(plan),
        sources_(std::move(sources)),
        chunks_(std::move(chunks)),
        to_get_(relay.frames_to_get()),
        some_failed_(comm, Purpose::agreement),
        assembler_(plan, mesh, comm.rank(), options.device),
        relay_(std::move(relay)) {
    for (const registry::WeightFile& file : plan.files) digests_.push_back({.size = file.size, .leaves = {}});
    for (Frame& frame : to_get_) free_.push(&frame);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { stop(); }

  void start_threads() {
    if (relay_.reads_some()) {
      std::vector<std::size_t> mine;
      for (std::size_t i = 0; i < chunks_.size(); ++i) {
        if (relay_.reads(i)) mine.push_back(i);
      }
      reader_.emplace(plan_, chunks_, std::move(mine), relay_.frames_to_read(), sources_, comm_.rank(),
                      failure_,
                      [this](const Chunk& chunk, std::span<const std::byte> bytes, LoadSeconds& seconds) {
                        return digest(chunk, bytes, seconds);
                      });
    }
    worker_ = std::thread([this] { assemble(); });
  }

  /// Collective, once, after start_threads() on every rank.
  StreamedComponent run() {
    const Relay::Frames frames{
        .filled = [this] { return timed(work_.stall.read, [this] { return reader_->take(); }); },
        .free = [this] { return timed(work_.stall.copy, [this] { return free_.pop().value(); }); },
        .arrived = [this](Frame* frame) { arrived_.push(frame); }};
    bool goes_on = true;
    for (std::size_t past = 0; goes_on && past < chunks_.size();) {
      const std::size_t first = std::exchange(past, std::min(past + relay_.window(), chunks_.size()));
      timed(work_.busy.network, [&] { relay_.bring(chunks_, first, past, frames); });
      goes_on = some_failed_.next(has_failed() ? 1 : 0) == 0;
      if (!goes_on) relay_.end(chunks_, past, frames);
    }
    some_failed_.finish();
    if (goes_on) worker_.join();  // it ends by itself after the last chunk
    stop();
    settle();
    StreamedComponent result;
    agree(comm_, [&] { result.tensors = assembler_.finish(); });
    result.blocks = assembler_.blocks();
    result.digests = std::move(digests_);
    result.bytes = plan_.file_bytes();
    result.work = work_;
    if (reader_) result.work.busy += reader_->seconds();
    result.work.busy.hash += assembling_.hash;
    result.work.busy.copy = assembling_.copy;
    result.work.stall.network = waiting_;
    result.work.busy.network -= work_.stall.read + work_.stall.copy;
    result.work.read_bytes = read_bytes_;
    result.work.verified_bytes = verified_bytes_ + (hash_ ? read_bytes_.load() : 0);
    for (const auto& [name, tensor] : result.tensors) result.work.private_bytes += tensor.nbytes();
    return result;
  }

 private:
  void stop() noexcept {
    free_.close();
    arrived_.close();
    if (reader_) reader_->stop();
    if (worker_.joinable()) worker_.join();
  }

  bool has_failed() const { return failure_ || told_ < chunks_.size(); }

  /// Throws the same error on every rank if any has failed. Collective.
  void settle() {
    const bool told = told_ < chunks_.size();
    if (comm_.max(has_failed() ? 1 : 0, Purpose::agreement) == 0) return;
    agree_on(comm_, failure_.get());
    agree(comm_, [&] {
      if (!told) return;
      // Nobody failed, so it is the mark itself that changed on its way.
      throw Error{Category::communication,
                  verifying_weights,
                  place_of(plan_, chunks_[told_], comm_.rank()),
                  Expected{"the bytes of a chunk"},
                  Got{"a frame that says its reader failed, and it has not"},
                  changed_on_the_way};
    });
  }

  registry::Leaf digest(const Chunk& chunk, std::span<const std::byte> bytes, LoadSeconds& seconds) {
    read_bytes_ += chunk.length;
    const registry::WeightFile& file = plan_.files[chunk.file];
    if (chunk.offset + chunk.length == file.size) expect_as_planned(file, *sources_[chunk.file]);
    return hash_ ? timed(seconds.hash, [&] { return registry::leaf_digest(bytes); }) : registry::Leaf{};
  }

  void assemble() {
    std::map<std::size_t, Frame*> early;
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
      while (early.empty() || early.begin()->first != i) {
        const std::optional<Frame*> frame = timed(waiting_, [this] { return arrived_.pop(); });
        if (!frame) return;
        early.emplace((*frame)->chunk, *frame);
      }
      Frame* frame = early.extract(i).mapped();
      if (!failure_) {
        if (auto error = failure_of([&] { take(*frame); })) failure_.note(std::move(*error));
      }
      if (relay_.reads(i)) {
        reader_->give_back();
      } else {
        free_.push(frame);
      }
    }
  }

  void take(const Frame& frame) {
    const Chunk& chunk = chunks_[frame.chunk];
    const FrameHeader header = frame.header();
    if (header.valid == 0) {
      told_ = frame.chunk;
      return;
    }
    const std::span<const std::byte> bytes = frame.payload(chunk.length);
    // Whoever read it has just made the digest of these very bytes.
    if (hash_ && !relay_.reads(frame.chunk) && relay_.verifies(frame.chunk)) {
      timed(assembling_.hash, [&] { verify(chunk, frame.chunk, header, bytes); });
      verified_bytes_ += chunk.length;
    }
    if (hash_) digests_[chunk.file].leaves.push_back(header.digest);
    timed(assembling_.copy, [&] { assembler_.add(chunk, bytes); });
  }

  void verify(const Chunk& chunk, std::size_t sequence, const FrameHeader& header,
              std::span<const std::byte> bytes) const {
    if (header.sequence != sequence) {
      throw Error{Category::communication,
                  verifying_weights,
                  place_of(plan_, chunk, comm_.rank()),
                  Expected{"chunk " + std::to_string(sequence)},
                  Got{"chunk " + std::to_string(header.sequence)},
                  changed_on_the_way};
    }
    const registry::Leaf digest = registry::leaf_digest(bytes);
    if (header.digest == digest) return;
    throw Error{Category::communication,
                verifying_weights,
                place_of(plan_, chunk, comm_.rank()),
                Expected{"XXH3-128 " + registry::hex(header.digest) + " of " + std::to_string(chunk.length) +
                         " bytes"},
                Got{registry::hex(digest)},
                changed_on_the_way};
  }

  const Communicator& comm_;
  bool hash_;
  const ComponentPlan& plan_;
  Sources sources_;
  std::vector<Chunk> chunks_;
  std::optional<ReadAhead> reader_;
  std::vector<Frame> to_get_;  ///< go round: free_, arrived_
  Channel<Frame*> free_;
  Channel<Frame*> arrived_;
  FirstFailure failure_;
  LateMax some_failed_;
  /// A chunk that came marked as failed by the rank that reads it.
  std::atomic<std::size_t> told_ = std::numeric_limits<std::size_t>::max();
  Assembler assembler_;
  std::vector<registry::FileDigest> digests_;
  LoadWork work_;           ///< of the calling thread
  LoadSeconds assembling_;  ///< of worker_, and what it waited
  double waiting_ = 0;
  std::atomic<std::uint64_t> read_bytes_ = 0;
  std::uint64_t verified_bytes_ = 0;  ///< of worker_
  std::thread worker_;
  Relay relay_;  ///< what it has under way ends before the frames do
};

}  // namespace

namespace {

StreamedComponent stream(const Communicator& comm, const Nodes* nodes, int readers, const ComponentPlan& plan,
                         const Mesh& mesh, const LoadOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  std::unique_ptr<Stream> stream;
  agree(comm, [&] {
    check_plan(plan);
    if (mesh.world() != comm.size()) {
      throw Error{Category::internal,
                  "load weights",
                  {},
                  Expected{"a mesh of " + std::to_string(comm.size()) + " ranks"},
                  Got{std::to_string(mesh.world())}};
    }
    std::vector<Chunk> chunks = schedule(plan);
    Relay relay{comm, nodes, readers, chunks.size()};
    Sources sources = relay.reads_some() ? open_files(plan, options.open) : Sources();
    stream = std::make_unique<Stream>(comm, std::move(relay), plan, mesh, std::move(sources),
                                      std::move(chunks), options);
    stream->start_threads();
  });
  StreamedComponent result = stream->run();
  result.reading_machines = readers;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace

StreamedComponent stream_component(const Communicator& comm, const ComponentPlan& plan, const Mesh& mesh,
                                   const OpenSource& open, const at::Device& device) {
  return stream(comm, nullptr, 1, plan, mesh, {.open = open, .device = device});
}

StreamedComponent stream_between(const Nodes& nodes, int readers, const ComponentPlan& plan, const Mesh& mesh,
                                 const LoadOptions& options) {
  return stream(nodes.world(), &nodes, readers, plan, mesh, options);
}

}  // namespace ditmill::dist
