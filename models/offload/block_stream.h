#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "configs/error.h"
#include "dist/weights/offload/offloaded_weights.h"
#include "dist/weights/source/channel.h"
#include "models/offload/block_source.h"

namespace ditmill::models {

/// Offloaded blocks, fetched by a thread in turn and for ever, so that those after the one in use are on
/// their way: on a device by a stream of its own. As many buffers as blocks on their way, and one.
class BlockStream final : public BlockSource {
 public:
  /// `ahead`: blocks on their way; 0: each is fetched as it is taken. `device`: that layers compute on.
  BlockStream(std::shared_ptr<dist::OffloadedWeights> weights, int ahead, const at::Device& device);
  ~BlockStream() override;

  std::size_t size() const noexcept override { return weights_->pieces().size(); }
  /// Throws the Error of a fetch.
  dist::TensorMap take(std::size_t i) override;

 private:
  struct Slot {
    at::Tensor buffer;
    std::size_t block = 0;
    std::optional<Error> failure{};
    std::optional<c10::Event> arrived{};  ///< of a device: in the buffer
    std::optional<c10::Event> used{};     ///< what computed with it is done
  };

  void fetch_all();
  void fetch(Slot& slot, std::size_t block);
  void give_back(Slot* slot);
  /// Notes what is on the thread's current stream until now.
  void record(std::optional<c10::Event>& event) const;
  bool on_device() const noexcept { return device_.type() != at::kCPU; }

  std::shared_ptr<dist::OffloadedWeights> weights_;
  at::Device device_;
  std::vector<Slot> slots_;
  std::optional<c10::Event> begun_;  ///< before which buffers may have been others'
  Slot* taken_ = nullptr;
  std::optional<Error> failure_;  ///< of a fetch, after which there are no others
  dist::Channel<Slot*> free_;
  dist::Channel<Slot*> arrived_;
  std::thread thread_;
};

}  // namespace ditmill::models
