#include "models/offload/block_stream.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <utility>

#include "dist/comm/agree.h"
#include "models/generator.h"

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
  if (on_device()) record(begun_);
  thread_ = std::thread([this] { fetch_all(); });
}

BlockStream::~BlockStream() {
  free_.close();
  arrived_.close();
  thread_.join();
  // What is still being copied has its buffer until it is there.
  for (const Slot& slot : slots_) {
    if (slot.arrived) slot.arrived->synchronize();
  }
}

void BlockStream::record(std::optional<c10::Event>& event) const {
  event.emplace(device_.type());
  event->record(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
}

void BlockStream::fetch_all() {
  const c10::InferenceMode inference;  // as layers are built and run
  std::optional<c10::StreamGuard> guard;
  const auto begin = [&] {
    if (!on_device()) return;
    const c10::impl::VirtualGuardImpl device(device_.type());
    guard.emplace(device.getStreamFromGlobalPool(device_));
    begun_->block(device.getStream(device_));
  };
  std::optional<Error> failure = dist::failure_of([&] { translate_errors(begin); });
  for (std::size_t block = 0;; block = (block + 1) % size()) {
    const std::optional<Slot*> slot = free_.pop();
    if (!slot) return;
    if (!failure) failure = dist::failure_of([&] { translate_errors([&] { fetch(**slot, block); }); });
    (*slot)->failure = failure;
    arrived_.push(*slot);
    if (failure) return;
  }
}

void BlockStream::fetch(Slot& slot, std::size_t block) {
  slot.block = block;
  if (!on_device()) {
    weights_->fetch(block, slot.buffer);
    return;
  }
  if (slot.used) slot.used->block(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
  weights_->fetch(block, slot.buffer);
  record(slot.arrived);
}

void BlockStream::give_back(Slot* slot) {
  if (on_device()) record(slot->used);
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
