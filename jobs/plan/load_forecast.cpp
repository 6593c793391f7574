#include "jobs/plan/load_forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "configs/size_text.h"
#include "dist/plan/offloaded.h"
#include "dist/plan/places.h"
#include "registry/tensor_info.h"

namespace ditmill::jobs::plan {
namespace {

using configs::Strategy;

/// Bytes of a plan's files that are read for a rank's tensors, but for the rest of the chunks that they lie
/// in.
std::uint64_t needed_bytes(const dist::ComponentPlan& plan, const dist::Mesh& mesh, int rank) {
  const dist::Places places(plan, mesh, rank);
  std::uint64_t bytes = 0;
  for (const registry::WeightFile& file : plan.files) {
    for (const registry::TensorInfo& tensor : file.tensors) {
      const dist::Place* place = places.find(tensor.name);
      if (place == nullptr || tensor.end == tensor.begin) continue;
      // What is cut along another dimension than the first lies all over the tensor: all of it is read.
      const bool rows = place->dim == 0 && tensor.shape.front() > 0;
      const std::uint64_t size = tensor.end - tensor.begin;
      bytes += rows ? size / tensor.shape.front() * static_cast<std::uint64_t>(place->range.size()) : size;
    }
  }
  return bytes;
}

/// As choose_strategy() (dist/weights/load.h) would without a look at page caches and /dev/shm.
Strategy foreseen(const PreparedJob& job, int machines) {
  const Strategy asked = job.manifest.pipeline.loading;
  if (asked != Strategy::automatic) return asked;
  return machines > 1 ? Strategy::broadcast : Strategy::shared;
}

/// What comes and goes on rank 0, which of a pipeline has the first stage.
nlohmann::json offload_report(const PreparedJob& job, const dist::ComponentPlan& plan,
                              const dist::Mesh& mesh) {
  const std::vector<dist::Piece> pieces = dist::offloaded_pieces(plan, mesh, 0);
  std::uint64_t bytes = 0;
  std::uint64_t read = 0;
  for (const dist::Piece& piece : pieces) {
    bytes += piece.layout.bytes;
    read += needed_bytes(dist::plan_of(piece, plan), mesh, 0);
  }
  const configs::PipelineConfig& pipeline = job.manifest.pipeline;
  const int predictions = pipeline.guided() ? 2 : 1;
  const int passes = pipeline.steps * ((predictions + pipeline.parallel.cfg - 1) / pipeline.parallel.cfg);
  return {{"component", plan.name},
          {"type", configs::name(plan.offload.type)},
          {"whole", dist::comes_whole(plan)},
          {"pieces", pieces.size()},
          {"bytes", bytes},
          {"read_bytes", read},
          {"times_an_item", dist::comes_whole(plan) ? 1 : passes}};
}

}  // namespace

nlohmann::json forecast_load(const PreparedJob& job, const dist::Mesh& mesh, int ranks_per_machine) {
  const int on_one = ranks_per_machine > 0 ? std::min(ranks_per_machine, mesh.world()) : mesh.world();
  const int machines = (mesh.world() + on_one - 1) / on_one;
  std::uint64_t files = 0;
  nlohmann::json offload = nlohmann::json::array();
  for (const dist::ComponentPlan& plan : job.components) {
    files += plan.file_bytes();
    if (plan.offload.any()) offload.push_back(offload_report(job, plan, mesh));
  }
  // Ranks of one group differ; groups repeat.
  const int group = mesh.world() / mesh.degree(dist::Axis::dp);
  nlohmann::json ranks = nlohmann::json::array();
  for (int rank = 0; rank < mesh.world(); ++rank) {
    if (rank >= group) {
      ranks.push_back(ranks.at(static_cast<std::size_t>(rank % group)));
      continue;
    }
    std::uint64_t needs = 0;
    for (const dist::ComponentPlan& plan : job.components) needs += needed_bytes(plan, mesh, rank);
    ranks.push_back(needs);
  }
  const Strategy strategy = foreseen(job, machines);
  const bool by_links = strategy == Strategy::broadcast || strategy == Strategy::striped;
  const auto count = static_cast<std::uint64_t>(machines);
  // Each machine gets all but what it reads itself.
  const std::uint64_t own = strategy == Strategy::striped ? files / count : 0;
  return {{"strategy", configs::name(strategy)},
          {"certain", job.manifest.pipeline.loading != Strategy::automatic || machines == 1},
          {"machines", machines},
          {"files_bytes", files},
          {"read_bytes", by_links ? files : files * count},
          {"link_bytes", by_links && machines > 1 ? files - own : 0},
          {"ranks", std::move(ranks)},
          {"offload", std::move(offload)}};
}

std::string load_text(const nlohmann::json& forecast) {
  if (forecast.at("files_bytes") == 0) return {};
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  for (const nlohmann::json& needs : forecast.at("ranks")) {
    const auto bytes = needs.get<std::uint64_t>();
    least = least == 0 ? bytes : std::min(least, bytes);
    most = std::max(most, bytes);
  }
  std::string text = fmt::format(
      "loading      {}: {} of files, {} read from storage, {} over the link of a machine; a rank is made of "
      "{}\n",
      forecast.at("strategy").get<std::string_view>(), gigabytes(forecast.at("files_bytes")),
      gigabytes(forecast.at("read_bytes")), gigabytes(forecast.at("link_bytes")),
      least == most ? gigabytes(most) : gigabytes(least) + " to " + gigabytes(most));
  for (const nlohmann::json& coming : forecast.at("offload")) {
    const auto pieces = coming.at("pieces").get<std::size_t>();
    if (pieces == 0) continue;
    const auto read = coming.at("read_bytes").get<std::uint64_t>();
    const auto times = coming.at("times_an_item").get<std::uint64_t>();
    const bool whole = coming.at("whole").get<bool>();
    text += fmt::format(
        "offload      {} {}: {} of {} comes and goes; on CPUs each rank reads {} of files for it {}: {} an "
        "item\n",
        coming.at("component").get<std::string_view>(), coming.at("type").get<std::string_view>(),
        whole ? "all" : fmt::format("{} block{}", pieces, pieces == 1 ? "" : "s"),
        gigabytes(coming.at("bytes")), gigabytes(read),
        times == 1 ? "once" : fmt::format("in each of {} passes", times), gigabytes(read * times));
  }
  return text;
}

}  // namespace ditmill::jobs::plan
