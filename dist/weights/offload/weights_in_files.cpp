#include "dist/weights/offload/weights_in_files.h"

#include <ATen/ATen.h>

#include <optional>
#include <utility>

#include "configs/error.h"
#include "dist/comm/agree.h"
#include "dist/dtype.h"
#include "dist/plan/places.h"
#include "dist/weights/source/chunk_reader.h"
#include "dist/weights/source/frame.h"
#include "dist/weights/source/local_files.h"
#include "dist/weights/tensors/assembler.h"
#include "dist/weights/tensors/needed_chunks.h"

namespace ditmill::dist {

WeightsInFiles::WeightsInFiles(const ComponentPlan& plan, const Mesh& mesh, int rank, OpenSource open,
                               const std::vector<registry::FileDigest>& digests)
    : OffloadedWeights(offloaded_pieces(plan, mesh, rank)), mesh_(mesh), rank_(rank), open_(std::move(open)) {
  for (const Piece& piece : pieces()) parts_.push_back(part_of(piece, plan, digests));
}

WeightsInFiles::Part WeightsInFiles::part_of(const Piece& piece, const ComponentPlan& plan,
                                             const std::vector<registry::FileDigest>& digests) const {
  Part part{.plan = plan_of(piece, plan), .chunks = {}, .wanted = {}, .offsets = {}, .digests = {}};
  part.chunks = schedule(part.plan);
  std::map<std::string, std::uint64_t, std::less<>> offsets;
  const std::string prefix = piece.prefix();
  for (const BlockTensor& tensor : piece.layout.tensors) offsets[prefix + tensor.name] = tensor.offset;
  const Places places(part.plan, mesh_, rank_);
  for (const Target& target : places.targets()) part.offsets.push_back(offsets.at(target.name));
  const std::vector<bool> needed = needed_chunks(part.plan, places);
  for (std::size_t i = 0; i < needed.size(); ++i) {
    if (needed[i]) part.wanted.push_back(i);
  }
  for (std::size_t f = 0, of_plan = 0; f < part.plan.files.size(); ++f, ++of_plan) {
    while (plan.files[of_plan].path != part.plan.files[f].path) ++of_plan;
    part.digests.push_back(digests[of_plan]);
  }
  return part;
}

bool WeightsInFiles::are_as_loaded(const Part& part, const Chunk& chunk, std::span<const std::byte> bytes) {
  const std::vector<registry::Leaf>& leaves = part.digests[chunk.file].leaves;
  return leaves.empty() || leaves[chunk.offset / registry::leaf_bytes] == registry::leaf_digest(bytes);
}

void WeightsInFiles::verify(const Part& part, const Chunk& chunk, std::span<const std::byte> bytes) const {
  if (are_as_loaded(part, chunk, bytes)) return;
  const registry::Leaf& loaded = part.digests[chunk.file].leaves[chunk.offset / registry::leaf_bytes];
  throw Error{Category::io,
              "read offloaded weights",
              place_of(part.plan, chunk, rank_),
              Expected{"XXH3-128 " + registry::hex(loaded) + " of " + std::to_string(chunk.length) +
                       " bytes, as they were loaded"},
              Got{registry::hex(registry::leaf_digest(bytes))},
              "the file was written to since the job began, or memory or disk are damaged: start again"};
}

void WeightsInFiles::fetch(std::size_t i, const at::Tensor& buffer) {
  const std::optional<Error> failure = failure_of([&] { read(parts_[i], buffer); });
  if (!failure) return;
  // Whatever is wrong with the files, it is not the item's fault.
  const bool lacks_memory = failure->category() == Category::memory;
  throw Error{failure->with({.category = lacks_memory ? Category::memory : Category::io})};
}

void WeightsInFiles::read(const Part& part, const at::Tensor& buffer) const {
  // Opened anew, so that a file which was replaced is noticed.
  Sources sources = open_files(part.plan, open_);
  ChunkReader::Maps maps = map_cached(part.plan, sources);
  if (maps.empty()) read_past_cache(sources);
  auto* const begin = static_cast<std::byte*>(buffer.mutable_data_ptr());
  const Places places(part.plan, mesh_, rank_);
  Destination destination;
  destination.room = [&](std::size_t target) {
    const Target& made = places.targets()[target];
    return at::from_blob(begin + part.offsets[target], made.shape, scalar_type(made.dtype));
  };
  Assembler assembler(part.plan, mesh_, rank_, at::kCPU, std::move(destination));
  ChunkReader reader(part.plan, part.chunks, part.wanted, sources, maps,
                     std::vector<bool>(part.plan.files.size()), rank_);
  std::optional<Frame> again;  // what changed on its way may come whole the next time
  while (const std::optional<ChunkReader::Read> read = reader.next()) {
    const Chunk& chunk = part.chunks[read->chunk];
    std::span<const std::byte> bytes = read->bytes;
    if (!are_as_loaded(part, chunk, bytes)) {
      if (!again) again.emplace();
      sources[chunk.file]->read_at(chunk.offset, again->payload(chunk.length));
      bytes = again->payload(chunk.length);
      verify(part, chunk, bytes);
    }
    assembler.add(chunk, bytes);
  }
  assembler.finish();
  for (std::size_t f = 0; f < sources.size(); ++f) expect_as_planned(part.plan.files[f], *sources[f]);
}

}  // namespace ditmill::dist
