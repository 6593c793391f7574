#include "dist/weights/source/read_ahead.h"

#include <algorithm>
#include <utility>

#include "dist/comm/agree.h"
#include "dist/weights/source/file_map.h"

namespace ditmill::dist {
namespace {

constexpr std::size_t threads_for_remote_files = 4;

std::size_t reading_threads(const Sources& sources) {
  const bool remote = std::ranges::any_of(sources, [](const auto& s) { return is_remote(s->label()); });
  return remote ? threads_for_remote_files : 1;
}

}  // namespace

ReadAhead::ReadAhead(const ComponentPlan& plan, const std::vector<Chunk>& chunks,
                     std::vector<std::size_t> wanted, std::vector<Frame> frames, const Sources& sources,
                     int rank, FirstFailure& failure, Digest digest, Await await)
    : plan_(plan),
      chunks_(chunks),
      wanted_(std::move(wanted)),
      sources_(sources),
      rank_(rank),
      failure_(failure),
      digest_(std::move(digest)),
      await_(std::move(await)),
      parts_(reading_threads(sources)) {
  for (Frame& frame : frames) slots_.push_back({.frame = std::move(frame)});
  for (std::size_t i = 0; i < parts_; ++i) threads_.emplace_back([this] { run(); });
}

void ReadAhead::run() {
  LoadSeconds seconds;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(
        lock, [this] { return stopped_ || begun_ == wanted_.size() || begun_ < returned_ + slots_.size(); });
    if (stopped_ || begun_ == wanted_.size()) break;
    const std::size_t i = wanted_[begun_];
    Slot& slot = slots_[begun_ % slots_.size()];
    if (slot.parts_begun == 0) slot.parts_read = 0;
    const std::size_t part = slot.parts_begun++;
    if (slot.parts_begun == parts_) {
      slot.parts_begun = 0;
      ++begun_;
    }
    lock.unlock();
    if (await_) await_(slot.frame);
    read(i, part, slot.frame, seconds);
    lock.lock();
    if (slot.parts_read + 1 == parts_) {
      lock.unlock();
      end(i, slot.frame, seconds);
      lock.lock();
    }
    if (++slot.parts_read == parts_) changed_.notify_all();
  }
  seconds_ += seconds;
}

void ReadAhead::read(std::size_t i, std::size_t part, Frame& frame, LoadSeconds& seconds) {
  if (failure_) return;
  const Chunk& chunk = chunks_[i];
  const std::size_t pages = (chunk.length + page_bytes - 1) / page_bytes;
  const std::size_t begin = pages * part / parts_ * page_bytes;
  const std::size_t end = std::min(pages * (part + 1) / parts_ * page_bytes, chunk.length);
  if (begin == end) return;
  const std::optional<Error> failure = failure_of([&] {
    timed(seconds.read, [&] {
      sources_[chunk.file]->read_at(chunk.offset + begin,
                                    frame.payload(chunk.length).subspan(begin, end - begin));
    });
  });
  if (failure) failure_.note(with_place(*failure, plan_, chunk, rank_));
}

void ReadAhead::end(std::size_t i, Frame& frame, LoadSeconds& seconds) {
  const Chunk& chunk = chunks_[i];
  FrameHeader header{.sequence = i, .valid = 0, .digest = {}};
  if (!failure_ && digest_) {
    const std::optional<Error> failure =
        failure_of([&] { header.digest = digest_(chunk, frame.payload(chunk.length), seconds); });
    if (failure) failure_.note(with_place(*failure, plan_, chunk, rank_));
  }
  if (!failure_) header.valid = 1;
  frame.set_header(header);
}

Frame* ReadAhead::take() {
  std::unique_lock lock(mutex_);
  if (taken_ == wanted_.size()) return nullptr;
  Slot& slot = slots_[taken_ % slots_.size()];
  changed_.wait(lock, [&] { return stopped_ || (begun_ > taken_ && slot.parts_read == parts_); });
  if (stopped_) return nullptr;
  ++taken_;
  return &slot.frame;
}

void ReadAhead::give_back() {
  {
    const std::scoped_lock lock(mutex_);
    ++returned_;
  }
  changed_.notify_all();
}

void ReadAhead::stop() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace ditmill::dist
