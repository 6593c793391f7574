#include "models/wan/picture_conditions.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

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
      [hyper_parameters = known->second](dist::TensorMap weights) {
        return build<ClipVision>(std::move(weights), "image_encoder", hyper_parameters);
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

PictureConditions::PictureConditions(LoadedModel& model, const Dims& dims, WanClipVae& vae)
    : dims_(dims), vae_(vae), device_(model.device), clip_(clip_of(model)) {}

std::list<PictureConditions::Kept>::iterator PictureConditions::kept_of(const configs::Request& request) {
  return std::ranges::find_if(
      kept_, [&](const Kept& kept) { return kept.files == request.more && kept.size == size_of(request); });
}

void PictureConditions::look_ahead(const configs::Request& request) {
  if (kept_of(request) == kept_.end()) reader_.ahead(files_of(request));
}

dist::TensorMap PictureConditions::told(const configs::Request& request) {
  if (const auto known = kept_of(request); known != kept_.end()) {
    kept_.splice(kept_.begin(), kept_, known);
    return kept_.front().told;
  }
  const Pictures pictures = reader_.read(files_of(request));
  dist::TensorMap told;
  if (pictures.empty()) return told;
  if (takes_condition(dims_)) {
    told.emplace("condition", condition(pictures, request));
  } else {
    const at::Tensor pixels = stretched(pictures.front(), request.width, request.height).to(device_);
    const at::Tensor clip = pixels.view({1, image_channels, 1, request.height, request.width});
    told.emplace("first", vae_.encode(clip).unsqueeze(0));
  }
  if (clip_) told.emplace("image", image(pictures));
  kept_.push_front({.files = request.more, .size = size_of(request), .told = told});
  if (kept_.size() > most_kept) kept_.pop_back();
  return told;
}

at::Tensor PictureConditions::condition(const Pictures& pictures, const configs::Request& request) {
  const auto pixels = [&](const pictures::Picture& picture) {
    return stretched(picture, request.width, request.height).to(device_);
  };
  const bool ends = pictures.size() > 1;
  const at::Tensor clip = conditioned_frames(pixels(pictures.front()),
                                             ends ? pixels(pictures.back()) : at::Tensor{}, request.frames);
  const at::Tensor latents = vae_.encode(clip);
  const at::Tensor mask =
      condition_mask(request.frames, temporal_compression, ends, latents.size(2), latents.size(3));
  return at::cat({mask.to(device_), latents}).unsqueeze(0);
}

at::Tensor PictureConditions::image(const Pictures& pictures) {
  std::vector<at::Tensor> pixels;
  for (const pictures::Picture& picture : pictures) {
    pixels.push_back(at::tensor(pictures::clip_pixels(picture))
                         .view({image_channels, pictures::clip_side, pictures::clip_side}));
    if (dims_.image_tokens == 0) break;
  }
  const auto clip = clip_->enter();
  const at::Tensor states = clip->encode(at::stack(pixels).to(device_));
  return states.reshape({1, -1, states.size(2)});
}

}  // namespace ditmill::models::wan
