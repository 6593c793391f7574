#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "dist/weights/offload/offloaded_weights.h"
#include "dist/weights/stream.h"

namespace ditmill::models {

/// The layers of a component whose weights may be here only for their stage (offload: model).
template <typename Layers>
class Visiting {
 public:
  using Build = std::function<Layers(dist::TensorMap weights)>;

  /// `weights`: all of them, and the layers are built at once; or none, and `elsewhere` has one piece that is
  /// all of them. `device`: that layers compute on.
  Visiting(Build build, dist::TensorMap weights, std::shared_ptr<dist::OffloadedWeights> elsewhere,
           const at::Device& device)
      : build_(std::move(build)), elsewhere_(std::move(elsewhere)), device_(device) {
    if (!elsewhere_) layers_.emplace(build_(std::move(weights)));
  }

  /// The layers while they are used: after that, whatever ends it, their weights may go.
  class Stay {
   public:
    explicit Stay(Visiting& visiting) : visiting_(visiting) { visiting_.bring(); }
    Stay(const Stay&) = delete;
    Stay& operator=(const Stay&) = delete;
    ~Stay() {
      if (visiting_.elsewhere_) visiting_.layers_.reset();
    }
    Layers& operator*() const noexcept { return *visiting_.layers_; }
    Layers* operator->() const noexcept { return &*visiting_.layers_; }

   private:
    Visiting& visiting_;
  };
  /// Brings them if they are not here. Throws as OffloadedWeights::fetch() and what builds them.
  Stay enter() { return Stay{*this}; }

 private:
  void bring() {
    if (!layers_) {
      const dist::BlockLayout& layout = elsewhere_->pieces().front().layout;
      const at::Tensor bytes =
          at::empty({static_cast<std::int64_t>(layout.bytes)}, at::TensorOptions(at::kByte).device(device_));
      elsewhere_->fetch(0, bytes);
      layers_.emplace(build_(dist::tensors_in(layout, bytes)));
    }
  }

  Build build_;
  std::shared_ptr<dist::OffloadedWeights> elsewhere_;
  at::Device device_;
  std::optional<Layers> layers_;
};

}  // namespace ditmill::models
