#include "dist/weights/source/chunk_reader.h"

#include <utility>

#include "dist/comm/agree.h"

namespace ditmill::dist {
namespace {

constexpr std::size_t frames_ahead = 4;

}  // namespace

ChunkReader::ChunkReader(const ComponentPlan& plan, const std::vector<Chunk>& chunks,
                         std::vector<std::size_t> wanted, const Sources& sources, const Maps& maps,
                         std::vector<bool> kept, int rank)
    : plan_(plan),
      chunks_(chunks),
      wanted_(std::move(wanted)),
      sources_(sources),
      maps_(maps),
      kept_(std::move(kept)),
      rank_(rank) {
  if (!maps_.empty() || wanted_.empty()) return;
  frames_.resize(frames_ahead);
  for (Frame& frame : frames_) free_.push(&frame);
  thread_ = std::thread([this] { read_ahead(); });
}

ChunkReader::~ChunkReader() {
  free_.close();
  filled_.close();
  if (thread_.joinable()) thread_.join();
}

void ChunkReader::read_ahead() {
  for (const std::size_t i : wanted_) {
    const std::optional<Frame*> frame = free_.pop();
    if (!frame) return;
    const Chunk& chunk = chunks_[i];
    std::optional<Error> failure = failure_of([&] {
      timed(reading_, [&] { sources_[chunk.file]->read_at(chunk.offset, (*frame)->payload(chunk.length)); });
    });
    if (failure) failure = with_place(*failure, plan_, chunk, rank_);
    const bool failed = failure.has_value();
    filled_.push({*frame, std::move(failure)});
    if (failed) return;
  }
}

ChunkReader::Read ChunkReader::read_mapped(std::size_t i) {
  if (mapped_) {
    const Chunk& last = chunks_[*mapped_];
    if (!kept_[last.file]) maps_[last.file]->let_go(last.offset, last.length);
  }
  mapped_ = i;
  const Chunk& chunk = chunks_[i];
  if (!kept_[chunk.file]) {
    const auto failure = failure_of([&] { maps_[chunk.file]->populate(chunk.offset, chunk.length); });
    if (failure) throw Error{with_place(*failure, plan_, chunk, rank_)};
  }
  return {i, maps_[chunk.file]->bytes().subspan(chunk.offset, chunk.length)};
}

std::optional<ChunkReader::Read> ChunkReader::next() {
  if (next_ == wanted_.size()) {
    if (thread_.joinable()) thread_.join();
    work_.busy.read = reading_;
    return std::nullopt;
  }
  const std::size_t i = wanted_[next_++];
  const Chunk& chunk = chunks_[i];
  work_.read_bytes += chunk.length;
  if (!maps_.empty()) return read_mapped(i);
  if (given_ != nullptr) free_.push(given_);
  Filled filled = timed(work_.stall.read, [this] { return filled_.pop().value(); });
  given_ = filled.frame;
  if (filled.failure) throw Error{*std::move(filled.failure)};
  return Read{i, given_->payload(chunk.length)};
}

}  // namespace ditmill::dist
