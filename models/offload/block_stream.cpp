#include "models/offload/block_stream.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <utility>

#include "dist/comm/agree.h"

namespace ditmill::models {

BlockStream::BlockStream(std::shared_ptr<dist::OffloadedWeights> weights, int ahead, const at::Device& device)
    : weights_(std::move(weights)), device_(device) {
  std::uint64_t most = 0;
  for (const dist::Piece& piece : weights_->pieces()) most = std::max(most, piece.layout.bytes);
  slots_.resize(std::min(static_cast<std::size_t>(ahead) + 1, size()));
  for (Slot& slot : slots_) {
    slot.buffer = at::empty({static_cast<std::int64_t>(most)}, at::TensorOptions(at::kByte).device(device_));
    free_.push(&slot);
  }
  thread_ = std::thread([this] { fetch_all(); });
}

BlockStream::~BlockStream() {
  free_.close();
  arrived_.close();
  thread_.join();
}

void BlockStream::fetch_all() {
  const c10::InferenceMode inference;  // as layers are built and run
  std::optional<c10::StreamGuard> guard;
  if (on_device()) {
    guard.emplace(c10::impl::VirtualGuardImpl(device_.type()).getStreamFromGlobalPool(device_));
  }
  for (std::size_t block = 0;; block = (block + 1) % size()) {
    const std::optional<Slot*> slot = free_.pop();
    if (!slot) return;
    (*slot)->failure = dist::failure_of([&] { fetch(**slot, block); });
    const bool failed = (*slot)->failure.has_value();
    arrived_.push(*slot);
    if (failed) return;
  }
}

void BlockStream::fetch(Slot& slot, std::size_t block) {
  slot.block = block;
  if (!on_device()) {
    weights_->fetch(block, slot.buffer);
    return;
  }
  const c10::Stream stream = c10::impl::VirtualGuardImpl(device_.type()).getStream(device_);
  if (slot.used) slot.used->block(stream);
  weights_->fetch(block, slot.buffer);
  slot.arrived.emplace(device_.type());
  slot.arrived->record(stream);
}

void BlockStream::give_back(Slot* slot) {
  if (on_device()) {
    slot->used.emplace(device_.type());
    slot->used->record(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
  }
  free_.push(slot);
}

dist::TensorMap BlockStream::take(std::size_t i) {
  if (failure_) throw Error{*failure_};
  if (taken_ != nullptr) give_back(std::exchange(taken_, nullptr));
  Slot* slot = arrived_.pop().value();
  // A pass that ended early left blocks behind.
  for (; !slot->failure && slot->block != i; slot = arrived_.pop().value()) give_back(slot);
  if (slot->failure) {
    failure_ = slot->failure;
    throw Error{*failure_};
  }
  if (on_device()) slot->arrived->block(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
  taken_ = slot;
  return dist::tensors_in(weights_->pieces()[i].layout, slot->buffer);
}

}  // namespace ditmill::models
