#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "configs/error.h"
#include "dist/comm/late_max.h"
#include "dist/weights/load_options.h"
#include "dist/weights/machine_ring.h"
#include "dist/weights/relay.h"
#include "dist/weights/source/channel.h"
#include "dist/weights/source/first_failure.h"
#include "dist/weights/source/load_work.h"
#include "dist/weights/source/planned_files.h"
#include "dist/weights/source/read_ahead.h"
#include "dist/weights/tensors/assembler.h"
#include "registry/digest.h"

namespace ditmill::dist {

/// What chunks are made into on a rank, pass after pass.
struct Streamed {
  Assembler& assembler;
  std::vector<registry::FileDigest>& digests;  ///< of the plan's files, with room for all leaves
  LoadWork& work;
  bool hash = true;
  bool tolerant = false;  ///< a chunk that comes spoilt ends nothing
};

/// Chunks that came with bytes that were not those that were read, by number.
using Spoilt = std::map<std::size_t, Error>;

/// Brings some chunks of a plan to every rank. Three stages, and frames that go round between them: where
/// chunks are read threads fill and digest, the calling thread passes them on, another thread brings them
/// into the order of the chunks, verifies and assembles. With a MachineRing only the first rank of a machine
/// passes on: the others assemble what is in its frames. Which collective comes next never depends on what
/// was received, only on the chunks and on what all ranks have agreed on; so a rank that failed goes on
/// passing until the next agreement.
class StreamPass {
 public:
  /// `ring`: null where the ranks of a machine share no frames. `sources` may be empty where nothing is read.
  /// All outlives it.
  StreamPass(const Communicator& comm, Relay relay, MachineRing* ring, const ComponentPlan& plan,
             const std::vector<Chunk>& chunks, const Sources& sources, const Streamed& into);
  StreamPass(const StreamPass&) = delete;
  StreamPass& operator=(const StreamPass&) = delete;
  ~StreamPass() { stop(); }

  /// On every rank before run() on any.
  void start_threads();
  /// Collective, once. Throws the agreed Error of what failed anywhere. Gives what came spoilt on this rank,
  /// which is assembled as it is.
  Spoilt run();

 private:
  void stop() noexcept;
  bool takes_from_ring() const noexcept { return ring_ != nullptr && !leads_; }
  void pass_on(std::size_t first, std::size_t past, const Relay::Frames& frames);
  Relay::Frames frames();
  Frame* free_frame();
  void settle();
  void count_work();
  registry::Leaf digest(const Chunk& chunk, std::span<const std::byte> bytes, LoadSeconds& seconds);
  void assemble();
  Frame* next();
  void done_with(Frame& frame, std::size_t i);
  void take(const Frame& frame);
  Error changed(const Frame& frame, std::string expected, std::string got) const;
  void verify(const Frame& frame) const;

  const Communicator& comm_;
  MachineRing* ring_;
  const ComponentPlan& plan_;
  const std::vector<Chunk>& chunks_;
  const Sources& sources_;
  bool leads_;
  Streamed into_;
  std::vector<Frame> to_get_;  ///< go round: free_, arrived_
  std::optional<ReadAhead> reader_;
  Channel<Frame*> free_;
  Channel<Frame*> arrived_;
  Channel<std::size_t> passed_;        ///< ends of windows that this rank has assembled, from the ring
  std::atomic<bool> stopped_ = false;  ///< nobody waits for frames of the ring any more
  FirstFailure failure_;
  LateMax some_failed_;
  Spoilt spoilt_;           ///< of worker_
  LoadWork work_;           ///< of the calling thread
  LoadSeconds assembling_;  ///< of worker_, and what it waited
  double waiting_ = 0;
  std::atomic<std::uint64_t> read_bytes_ = 0;
  std::uint64_t verified_bytes_ = 0;  ///< of worker_
  std::thread worker_;
  Relay relay_;  ///< what it has under way ends before the frames do
};

}  // namespace ditmill::dist
