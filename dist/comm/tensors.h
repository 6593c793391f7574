#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dist/comm/communicator.h"

/// Collectives on tensors, built on Communicator::exchange(): the same on every backend, and the same bytes.
/// Tensors of a call are on the device that the communicator serves. With a size of 1 nothing is copied.
namespace ditmill::dist {

/// Tensors under way; keeps those alive that are sent.
class PendingTensors {
 public:
  PendingTensors() = default;
  PendingTensors(Request request, std::vector<at::Tensor> sent, std::vector<at::Tensor> received)
      : sent_(std::move(sent)), received_(std::move(received)), request_(std::move(request)) {}
  PendingTensors(PendingTensors&&) noexcept = default;
  PendingTensors& operator=(PendingTensors&& other) noexcept {
    request_ = Request();  // ends before its buffers go
    sent_ = std::move(other.sent_);
    received_ = std::move(other.received_);
    request_ = std::move(other.request_);
    return *this;
  }

  /// What came, in the order asked for. Throws Error(communication). Once.
  std::vector<at::Tensor> wait();
  explicit operator bool() const noexcept { return static_cast<bool>(request_); }

 private:
  std::vector<at::Tensor> sent_;
  std::vector<at::Tensor> received_;
  Request request_;  ///< goes first
};

/// Starts giving send[r] to rank r and getting a tensor of the shape shapes[r] from it, r = 0 .. size - 1;
/// empty ones do not travel. All are of one dtype.
PendingTensors start_all_to_all(const Communicator& comm, std::vector<at::Tensor> send,
                                const std::vector<std::vector<std::int64_t>>& shapes, Purpose why);

/// Starts giving `tensor` to rank `to` and getting one of that shape and its dtype from rank `from`; either
/// may be -1: nobody.
PendingTensors start_shift(const Communicator& comm, const at::Tensor& tensor, int to, int from,
                           const std::vector<std::int64_t>& shape, Purpose why);
/// The same that only gives.
PendingTensors start_send(const Communicator& comm, const at::Tensor& tensor, int to, Purpose why);
/// The same that only gets.
PendingTensors start_receive(const Communicator& comm, int from, const std::vector<std::int64_t>& shape,
                             const at::TensorOptions& options, Purpose why);

/// The parts of all ranks side by side along `dim`; sizes[r]: those of rank r along it.
at::Tensor all_gather(const Communicator& comm, const at::Tensor& part, std::int64_t dim,
                      const std::vector<std::int64_t>& sizes, Purpose why);

/// Bytes up to which all_reduce() has every rank give its whole tensor to every other: one step, not two.
inline constexpr std::size_t travels_whole = std::size_t{32} << 10;

/// The sum over all ranks, equal on all: added in float32 in rank order, then rounded to the tensor's dtype.
/// Each rank sums one slice and gives it to the others; small tensors travel whole, once.
at::Tensor all_reduce(const Communicator& comm, const at::Tensor& tensor, Purpose why);

/// This rank's slice of that sum: rank r's is share(size, r, ranks) along `dim`.
at::Tensor reduce_scatter(const Communicator& comm, const at::Tensor& tensor, std::int64_t dim, Purpose why);

/// Root's tensor on every rank; elsewhere `tensor` says shape, dtype and device, and is overwritten.
void broadcast(const Communicator& comm, at::Tensor& tensor, int root, Purpose why);

}  // namespace ditmill::dist
