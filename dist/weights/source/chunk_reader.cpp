#include "dist/weights/source/chunk_reader.h"

#include <algorithm>
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
  ahead_.emplace(plan_, chunks_, wanted_, std::vector<Frame>(std::min(frames_ahead, wanted_.size())),
                 sources_, rank_, failure_);
}

ChunkReader::Read ChunkReader::read_mapped(std::size_t i) {
  if (mapped_) {
    const Chunk& last = chunks_[*mapped_];
    if (!kept_[last.file]) maps_[last.file]->let_go(last.offset, last.length);
  }
  mapped_ = i;
  const Chunk& chunk = chunks_[i];
  timed(work_.busy.read, [&] { populate(maps_, plan_, chunk, rank_); });
  return {i, maps_[chunk.file]->bytes().subspan(chunk.offset, chunk.length)};
}

std::optional<ChunkReader::Read> ChunkReader::next() {
  if (next_ == wanted_.size()) {
    if (!ahead_) return std::nullopt;
    ahead_->stop();
    work_.busy.read = ahead_->seconds().read;
    return std::nullopt;
  }
  const std::size_t i = wanted_[next_];
  const Chunk& chunk = chunks_[i];
  work_.read_bytes += chunk.length;
  if (!ahead_) {
    ++next_;
    return read_mapped(i);
  }
  if (next_++ > 0) ahead_->give_back();
  const Frame* frame = timed(work_.stall.read, [this] { return ahead_->take(); });
  if (frame->header().valid == 0) throw Error{failure_.get().value()};
  return Read{i, frame->payload(chunk.length)};
}

void populate(const ChunkReader::Maps& maps, const ComponentPlan& plan, const Chunk& chunk, int rank) {
  const auto failure = failure_of([&] { maps[chunk.file]->populate(chunk.offset, chunk.length); });
  if (failure) throw Error{with_place(*failure, plan, chunk, rank)};
}

}  // namespace ditmill::dist
