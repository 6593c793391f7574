#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "dist/weights/source/first_failure.h"
#include "dist/weights/source/frame.h"
#include "dist/weights/source/load_work.h"
#include "dist/weights/source/planned_files.h"
#include "dist/weights/source/schedule.h"
#include "registry/digest.h"

namespace ditmill::dist {

/// Fills frames with chunks of a plan, ahead of whoever takes them, in the order of the chunks: by one
/// thread, or by several where a file is on another machine, since one alone waits most of the time for the
/// first byte of what it asked for. These share the earliest chunk, so that the first comes soon.
class ReadAhead {
 public:
  /// Gives the digest of a chunk that has been read, and adds to the seconds what that took. Called by
  /// threads of the reader; what it throws is a failure of the chunk.
  using Digest = std::function<registry::Leaf(const Chunk&, std::span<const std::byte>, LoadSeconds&)>;

  /// Waits until a frame that was given back may be filled anew. Called by threads of the reader.
  using Await = std::function<void(const Frame&)>;

  /// `wanted`: numbers in `chunks`; as many of them as there are `frames` are filled and not given back, at
  /// most. What goes wrong is noted in `failure`, as this rank's, with its place; once there is one, frames
  /// come marked as not valid. All outlives the reader.
  ReadAhead(const ComponentPlan& plan, const std::vector<Chunk>& chunks, std::vector<std::size_t> wanted,
            std::vector<Frame> frames, const Sources& sources, int rank, FirstFailure& failure,
            Digest digest = {}, Await await = {});
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  ~ReadAhead() { stop(); }

  /// The frame of the next chunk, once it is filled; null after the last, and once it has been stopped.
  Frame* take();
  /// The earliest of the frames that were taken may be filled anew.
  void give_back();
  /// Ends all waits and threads.
  void stop() noexcept;
  /// What reading and digests took, of all threads together; once it has been stopped.
  const LoadSeconds& seconds() const noexcept { return seconds_; }

 private:
  struct Slot {
    Frame frame;
    std::size_t parts_begun = 0;
    std::size_t parts_read = 0;
  };
  void run();
  void read(std::size_t i, std::size_t part, Frame& frame, LoadSeconds& seconds);
  void end(std::size_t i, Frame& frame, LoadSeconds& seconds);

  const ComponentPlan& plan_;
  const std::vector<Chunk>& chunks_;
  std::vector<std::size_t> wanted_;
  const Sources& sources_;
  int rank_;
  FirstFailure& failure_;
  Digest digest_;
  Await await_;
  std::size_t parts_;        ///< of a chunk, and threads
  std::vector<Slot> slots_;  ///< that of wanted_[i] is i modulo their number
  std::mutex mutex_;
  std::condition_variable changed_;
  // Counts of wanted_: all of whose parts were begun, that were taken, that came back.
  std::size_t begun_ = 0;
  std::size_t taken_ = 0;
  std::size_t returned_ = 0;
  bool stopped_ = false;
  LoadSeconds seconds_;
  std::vector<std::thread> threads_;
};

}  // namespace ditmill::dist
