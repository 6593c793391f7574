#include "models/wan/picture_conditions.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "dist/comm/agree.h"
#include "models/generator_parts.h"
#include "models/pictures/model_input.h"
#include "models/pictures/resize.h"
#include "models/wan/picture_condition.h"

namespace ditmill::models::wan {
namespace {

constexpr std::size_t most_kept = 4;

std::optional<Visiting<ClipVision>> clip_of(LoadedModel& model) {
  const auto known = model.hyper_parameters.find("image_encoder");
  if (known == model.hyper_parameters.end()) return std::nullopt;
  return Visiting<ClipVision>{
      [hyper_parameters = known->second, numerics = model.numerics](dist::TensorMap weights) {
        return build<ClipVision>(std::move(weights), "image_encoder", numerics, hyper_parameters);
      },
      taken(model.weights, "image_encoder"), taken(model.offloaded, "image_encoder"), model.device};
}

/// Pixels [3, height, width] in [-1, 1], stretched: as diffusers' VaeImageProcessor has them.
at::Tensor stretched(const pictures::Picture& picture, int width, int height) {
  const bool fits = picture.width == width && picture.height == height;
  const std::vector<float> pixels = pictures::to_model_range(
      fits ? picture : pictures::resize(picture, width, height, pictures::Filter::lanczos));
  return at::tensor(pixels).view({image_channels, height, width});
}

std::array<int, 3> size_of(const configs::Request& request) {
  return {request.width, request.height, request.frames};
}

/// The first picture's file and, if there is one, the last one's.
pictures::InputReader::Files files_of(const configs::Request& request) {
  pictures::InputReader::Files files;
  for (const char* field : {"image", "last_image"}) {
    const auto given = request.more.find(field);
    if (given != request.more.end()) files.push_back(std::get<configs::FileValue>(given->second));
  }
  return files;
}

}  // namespace

PictureConditions::PictureConditions(LoadedModel& model, const Dims& dims,
                                     const dist::ParallelContext& parallel, WanClipVae& vae)
    : dims_(dims), parallel_(parallel), vae_(vae), device_(model.device), clip_(clip_of(model)) {}

std::list<PictureConditions::Kept>::iterator PictureConditions::kept_of(const configs::Request& request) {
  return std::ranges::find_if(
      kept_, [&](const Kept& kept) { return kept.files == request.more && kept.size == size_of(request); });
}

void PictureConditions::look_ahead(const configs::Request& request) {
  if (leads() && kept_of(request) == kept_.end()) reader_.ahead(files_of(request));
}

dist::TensorMap PictureConditions::told(const configs::Request& request) {
  if (const auto known = kept_of(request); known != kept_.end()) {
    kept_.splice(kept_.begin(), kept_, known);
    return kept_.front().told;
  }
  const pictures::InputReader::Files files = files_of(request);
  dist::TensorMap told;
  if (files.empty()) return told;
  const auto [pixels, image] = seen(files, request);
  if (takes_condition(dims_)) {
    told.emplace("condition", condition(pixels.to(device_), request.frames));
  } else {
    told.emplace("first", vae_.encode(pixels.narrow(0, 0, 1).unsqueeze(2).to(device_)).unsqueeze(0));
  }
  if (clip_) told.emplace("image", image.to(device_));
  kept_.push_front({.files = request.more, .size = size_of(request), .told = told});
  if (kept_.size() > most_kept) kept_.pop_back();
  return told;
}

PictureConditions::Seen PictureConditions::seen(const pictures::InputReader::Files& files,
                                                const configs::Request& request) {
  Seen seen;
  const auto look = [&] {
    if (!leads()) return;
    const pictures::InputReader::Pictures pictures = reader_.read(files);
    std::vector<at::Tensor> pixels;
    for (const pictures::Picture& picture : pictures)
      pixels.push_back(stretched(picture, request.width, request.height));
    seen.pixels = at::stack(pixels);
    if (clip_) seen.image = image(pictures);
  };
  if (parallel_.size(dist::Team::clip) == 1) {
    look();
    return seen;
  }
  const dist::Communicator& group = parallel_.host(dist::Team::clip);
  dist::agree(group, look);
  const auto share = [&group](at::Tensor& tensor) {
    group.broadcast(std::as_writable_bytes(std::span(tensor.mutable_data_ptr<float>(),
                                                     static_cast<std::size_t>(tensor.numel()))),
                    0, dist::Purpose::pictures);
  };
  if (!leads()) {
    seen.pixels = at::empty(
        {static_cast<std::int64_t>(files.size()), image_channels, request.height, request.width}, at::kFloat);
  }
  share(seen.pixels);
  if (!clip_) return seen;
  const std::int64_t tokens = group.max(leads() ? seen.image.size(1) : 0, dist::Purpose::pictures);
  if (!leads()) seen.image = at::empty({1, tokens, dims_.image_dim}, at::kFloat);
  share(seen.image);
  return seen;
}

at::Tensor PictureConditions::image(const pictures::InputReader::Pictures& pictures) {
  std::vector<at::Tensor> pixels;
  for (const pictures::Picture& picture : pictures) {
    pixels.push_back(at::tensor(pictures::clip_pixels(picture))
                         .view({image_channels, pictures::clip_side, pictures::clip_side}));
    if (dims_.image_tokens == 0) break;
  }
  const auto clip = clip_->enter();
  const at::Tensor states = clip->encode(at::stack(pixels).to(device_));
  return states.reshape({1, -1, states.size(2)}).to(at::kCPU, at::kFloat);
}

at::Tensor PictureConditions::condition(const at::Tensor& pixels, std::int64_t frames) {
  const bool ends = pixels.size(0) > 1;
  const at::Tensor latents =
      vae_.encode(conditioned_frames(pixels[0], ends ? pixels[-1] : at::Tensor{}, frames));
  const at::Tensor mask =
      condition_mask(frames, temporal_compression, ends, latents.size(2), latents.size(3));
  return at::cat({mask.to(device_), latents}).unsqueeze(0);
}

}  // namespace ditmill::models::wan
