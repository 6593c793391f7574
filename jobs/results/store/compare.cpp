#include "jobs/results/store/compare.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <span>
#include <vector>

#include "configs/error.h"

namespace ditmill::jobs::results {
namespace {

void add(ByteDifference& difference, std::span<const std::uint8_t> then, std::span<const std::uint8_t> now) {
  const std::size_t both = std::min(then.size(), now.size());
  difference.bytes += std::max(then.size(), now.size());
  difference.differing += std::max(then.size(), now.size()) - both;
  for (std::size_t i = 0; i < both; ++i) {
    if (then[i] == now[i]) continue;
    ++difference.differing;
    difference.most = std::max(difference.most, std::abs(int{then[i]} - int{now[i]}));
  }
}

void require_same_shape(const PartReader::Shape& then, const PartReader::Shape& now, const std::string& id) {
  if (then == now) return;
  const auto text = [](const PartReader::Shape& shape) {
    std::string words;
    for (const std::int64_t extent : shape) words += (words.empty() ? "" : "x") + std::to_string(extent);
    return words;
  };
  throw Error(Category::bad_input, "compare two clips", Where{.item = id}, Expected{text(then)},
              Got{text(now)});
}

LatentDifference latent_difference(const std::vector<float>& then, const std::vector<float>& now) {
  LatentDifference difference;
  double apart = 0;
  double size = 0;
  for (std::size_t i = 0; i < then.size(); ++i) {
    const double by = double{now[i]} - double{then[i]};
    apart += by * by;
    size += double{then[i]} * double{then[i]};
    difference.most = std::max(difference.most, std::abs(by));
  }
  difference.relative = apart == 0 ? 0 : std::sqrt(apart / size);
  return difference;
}

}  // namespace

ItemDifference compare_items(const PartReader& then, const PartReader& now, const std::string& id) {
  ItemDifference difference;
  if (const auto shape = then.frames_shape(id); shape && now.frames_shape(id)) {
    require_same_shape(*shape, *now.frames_shape(id), id);
    difference.frames.emplace();
    for (std::int64_t frame = 0; frame < shape->front(); ++frame) {
      add(*difference.frames, then.frame(id, frame), now.frame(id, frame));
    }
  }
  if (const auto shape = then.latents_shape(id); shape && now.latents_shape(id)) {
    require_same_shape(*shape, *now.latents_shape(id), id);
    difference.latents = latent_difference(then.latents(id), now.latents(id));
  }
  if (then.video_bytes(id) && now.video_bytes(id)) {
    difference.video.emplace();
    add(*difference.video, then.video(id), now.video(id));
  }
  return difference;
}

}  // namespace ditmill::jobs::results
