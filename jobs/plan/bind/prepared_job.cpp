#include "jobs/plan/bind/prepared_job.h"

#include <array>
#include <map>
#include <utility>

#include "configs/declared_fields.h"
#include "configs/error.h"
#include "configs/list_text.h"
#include "jobs/plan/manifest/from_dump.h"
#include "jobs/results/export/video.h"

namespace ditmill::jobs::plan {
namespace {

/// An item's attributes, groups and checksums in its part, and its line in the index: measured at 9 KB.
constexpr std::uint64_t bytes_per_item = 16 << 10;

}  // namespace

std::vector<std::string> warning_lines(const std::vector<Problem>& warnings) {
  constexpr std::size_t most = 20;
  std::vector<std::string> lines;
  for (const Problem& warning : warnings) {
    if (lines.size() == most) {
      lines.push_back("and " + std::to_string(warnings.size() - most) + " more warnings");
      break;
    }
    lines.push_back(describe(warning));
  }
  return lines;
}

std::string metadata_line(const std::vector<std::string>& names) {
  constexpr std::size_t most = 20;
  return some_of(names, most, [](const std::string& name) { return printable(name, max_shown); }) +
         ": kept with the items, without effect";
}

void choose(const configs::PipelineConfig& pipeline, dist::ComponentPlan& plan) {
  const auto found = pipeline.components.find(plan.name);
  plan.dtype = found == pipeline.components.end() ? pipeline.dtype : found->second.dtype;
  const bool pieces = found != pipeline.components.end() && plan.name != "text_encoder";
  plan.offload = pieces ? found->second.offload : configs::Offload{};
}

dist::Mesh lay_out(const PreparedJob& job, int world) {
  try {
    return dist::Mesh{world, job.manifest.pipeline.parallel};
  } catch (const Error& error) {
    if (job.dump.is_null()) throw;
    throw with_dump_hint(error);
  }
}

std::vector<ItemsOfSize> items_by_size(const requests::ItemList& items) {
  std::map<std::array<int, 3>, std::pair<std::size_t, std::uint64_t>> sizes;  // first, how many
  for (std::size_t i = 0; i < items.size(); ++i) {
    const requests::PackedItem& item = items.packed()[i];
    ++sizes.try_emplace({item.width, item.height, item.frames}, i, 0).first->second.second;
  }
  std::vector<ItemsOfSize> result;
  for (const auto& [size, found] : sizes) result.push_back({items[found.first].request, found.second});
  return result;
}

std::uint64_t clip_bytes(const PreparedJob& job, const configs::Request& request) {
  const results::OutputConfig& output = job.manifest.output;
  std::uint64_t bytes = 0;
  if (output.frames) bytes += std::uint64_t{3} * request.width * request.height * request.frames;
  if (output.video) bytes += results::most_video_bytes(*output.video, request);
  if (job.family == nullptr) return bytes;
  const auto elements = [](const auto& shape) {
    std::uint64_t product = 1;
    for (const std::int64_t extent : shape) product *= static_cast<std::uint64_t>(extent);
    return product;
  };
  if (output.latents) {
    bytes += elements(job.family->latent_shape(job.hyper_parameters, request)) * sizeof(float);
  }
  for (const configs::Output& each : configs::family_outputs()) {
    if (!output.more.contains(each.name)) continue;
    bytes += elements(job.family->output_shape(job.hyper_parameters, request, each.name)) *
             configs::bytes_of(each.type);
  }
  return bytes;
}

std::uint64_t disk_bytes(const PreparedJob& job) {
  std::uint64_t total = 0;
  for (const auto& [request, items] : items_by_size(job.manifest.items)) {
    total += items * (bytes_per_item + clip_bytes(job, request));
  }
  return total;
}

}  // namespace ditmill::jobs::plan
