#pragma once

#include <array>
#include <list>
#include <optional>

#include "dist/parallel_context.h"
#include "models/image_encoders/clip_vision.h"
#include "models/pictures/input_reader.h"
#include "models/vae/wan_clip_vae.h"
#include "models/wan/dims.h"

namespace ditmill::models::wan {

/// What image-to-video transformers are told of a request's pictures. The last few are kept: items of one
/// picture often follow each other. A group's first rank reads them and has CLIP look at them, for all of it.
class PictureConditions {
 public:
  /// Takes the weights of "image_encoder", if the model has one, out of it. `vae` encodes, and outlives this.
  PictureConditions(LoadedModel& model, const Dims& dims, const dist::ParallelContext& parallel,
                    WanClipVae& vae);

  /// What TextDenoiser takes of them: "condition" [1, 4 + C, T, h, w] float32, the mask and the latents that
  /// the clip begins (and ends) with, and "image" [1, image tokens, image_dim], where the transformer takes
  /// such tokens, float32; or "first" [1, C, 1, h, w] float32, of TI2V; nothing where no picture is given.
  /// All ranks of a group call it alike, and it throws Error on all of them, as pictures::read_input() and
  /// WanClipVae::encode() do.
  dist::TensorMap told(const configs::Request& request);
  /// Begins to read the pictures of a request that will be asked for next.
  void look_ahead(const configs::Request& request);

 private:
  struct Kept {
    configs::FieldValues files;
    std::array<int, 3> size{};
    dist::TensorMap told;
  };
  /// A request's pictures: the first and, if there is one, the last.
  struct Seen {
    at::Tensor pixels;  ///< [pictures, 3, height, width] in [-1, 1] float32, stretched to the clip's size
    at::Tensor image;   ///< as told; none without CLIP
  };

  std::list<Kept>::iterator kept_of(const configs::Request& request);
  bool leads() const noexcept { return parallel_.place(dist::Team::clip) == 0; }
  Seen seen(const pictures::InputReader::Files& files, const configs::Request& request);
  /// What CLIP says of the pictures that the transformer has places for.
  at::Tensor image(const pictures::InputReader::Pictures& pictures);
  at::Tensor condition(const at::Tensor& pixels, std::int64_t frames);

  Dims dims_;
  dist::ParallelContext parallel_;
  WanClipVae& vae_;
  at::Device device_;
  std::optional<Visiting<ClipVision>> clip_;
  pictures::InputReader reader_;  ///< the first rank's
  std::list<Kept> kept_;          ///< the newest first
};

}  // namespace ditmill::models::wan
