#include "dist/comm/tensors.h"

#include <ATen/ATen.h>

#include <functional>
#include <utility>

#include "configs/error.h"
#include "dist/comm/share.h"

namespace ditmill::dist {
namespace {

Outgoing outgoing(const at::Tensor& tensor, int to) { return {to, tensor.const_data_ptr(), tensor.nbytes()}; }
Incoming incoming(const at::Tensor& tensor, int from) { return {from, tensor.data_ptr(), tensor.nbytes()}; }

/// In rank order, in float32 (float64 stays): whoever sums gets the same bits.
at::Tensor sum_of(const std::vector<at::Tensor>& parts) {
  const at::ScalarType dtype = parts.front().scalar_type();
  at::Tensor sum = parts.front().to(dtype == at::kDouble ? at::kDouble : at::kFloat, /*non_blocking=*/false,
                                    /*copy=*/true);
  for (std::size_t i = 1; i < parts.size(); ++i) sum.add_(parts[i]);
  return sum.to(dtype);
}

void expect_floating(const at::Tensor& tensor) {
  if (tensor.is_floating_point()) return;
  throw Error{Category::internal,
              "sum tensors of ranks",
              {},
              Expected{"a floating-point tensor"},
              Got{c10::toString(tensor.scalar_type())}};
}

std::vector<at::Tensor> exchange_all(const Communicator& comm, std::vector<at::Tensor> send,
                                     const std::vector<std::vector<std::int64_t>>& shapes, Purpose why) {
  return start_all_to_all(comm, std::move(send), shapes, why).wait();
}

/// The same tensor from every rank to every rank.
std::vector<at::Tensor> gather_parts(const Communicator& comm, const at::Tensor& part,
                                     const std::vector<std::vector<std::int64_t>>& shapes, Purpose why) {
  const at::Tensor dense = part.contiguous();
  return exchange_all(comm, std::vector<at::Tensor>(shapes.size(), dense), shapes, why);
}

}  // namespace

std::vector<at::Tensor> PendingTensors::wait() {
  request_.wait();
  sent_.clear();
  return std::move(received_);
}

PendingTensors start_all_to_all(const Communicator& comm, std::vector<at::Tensor> send,
                                const std::vector<std::vector<std::int64_t>>& shapes, Purpose why) {
  const auto ranks = static_cast<std::size_t>(comm.size());
  if (send.size() != ranks || shapes.size() != ranks) {
    throw Error{Category::internal,
                "exchange tensors",
                {},
                Expected{std::to_string(ranks) + " of each"},
                Got{std::to_string(send.size()) + " to give, " + std::to_string(shapes.size()) + " to get"}};
  }
  std::vector<at::Tensor> received;
  std::vector<Outgoing> give;
  std::vector<Incoming> get;
  for (int rank = 0; rank < comm.size(); ++rank) {
    at::Tensor& mine = send[static_cast<std::size_t>(rank)];
    mine = mine.contiguous();
    if (rank == comm.rank()) {
      received.push_back(mine);
      continue;
    }
    received.push_back(at::empty(shapes[static_cast<std::size_t>(rank)], mine.options()));
    give.push_back(outgoing(mine, rank));
    get.push_back(incoming(received.back(), rank));
  }
  Request request = comm.exchange(give, get, why);
  return {std::move(request), std::move(send), std::move(received)};
}

PendingTensors start_shift(const Communicator& comm, const at::Tensor& tensor, int to, int from,
                           const std::vector<std::int64_t>& shape, Purpose why) {
  const at::Tensor dense = tensor.contiguous();
  std::vector<at::Tensor> received;
  std::vector<Outgoing> give;
  std::vector<Incoming> get;
  if (to >= 0) give.push_back(outgoing(dense, to));
  if (from >= 0) {
    received.push_back(at::empty(shape, tensor.options()));
    get.push_back(incoming(received.back(), from));
  }
  return {comm.exchange(give, get, why), {dense}, std::move(received)};
}

PendingTensors start_send(const Communicator& comm, const at::Tensor& tensor, int to, Purpose why) {
  return start_shift(comm, tensor, to, -1, {}, why);
}

PendingTensors start_receive(const Communicator& comm, int from, const std::vector<std::int64_t>& shape,
                             const at::TensorOptions& options, Purpose why) {
  std::vector<at::Tensor> received{at::empty(shape, options)};
  const std::vector<Incoming> get{incoming(received.back(), from)};
  return {comm.exchange({}, get, why), {}, std::move(received)};
}

at::Tensor all_gather(const Communicator& comm, const at::Tensor& part, std::int64_t dim,
                      const std::vector<std::int64_t>& sizes, Purpose why) {
  if (comm.size() == 1) return part;
  std::vector<std::vector<std::int64_t>> shapes(sizes.size(), part.sizes().vec());
  for (std::size_t i = 0; i < sizes.size(); ++i) shapes[i].at(static_cast<std::size_t>(dim)) = sizes[i];
  return at::cat(gather_parts(comm, part, shapes, why), dim);
}

at::Tensor all_reduce(const Communicator& comm, const at::Tensor& tensor, Purpose why) {
  expect_floating(tensor);
  if (comm.size() == 1) return tensor;
  const auto ranks = static_cast<std::size_t>(comm.size());
  if (tensor.nbytes() <= travels_whole || tensor.numel() < comm.size()) {
    return sum_of(gather_parts(comm, tensor, {ranks, tensor.sizes().vec()}, why));
  }
  const at::Tensor slice = reduce_scatter(comm, tensor.reshape({-1}), 0, why);
  std::vector<std::int64_t> sizes;
  for (int rank = 0; rank < comm.size(); ++rank) {
    sizes.push_back(share(tensor.numel(), rank, comm.size()).size());
  }
  return all_gather(comm, slice, 0, sizes, why).view(tensor.sizes());
}

at::Tensor reduce_scatter(const Communicator& comm, const at::Tensor& tensor, std::int64_t dim, Purpose why) {
  expect_floating(tensor);
  if (comm.size() == 1) return tensor;
  std::vector<at::Tensor> send;
  for (int rank = 0; rank < comm.size(); ++rank) {
    const Range range = share(tensor.size(dim), rank, comm.size());
    send.push_back(tensor.narrow(dim, range.begin, range.size()));
  }
  const std::vector<std::int64_t> mine = send[static_cast<std::size_t>(comm.rank())].sizes().vec();
  const std::vector<std::vector<std::int64_t>> shapes(send.size(), mine);
  return sum_of(exchange_all(comm, std::move(send), shapes, why));
}

void broadcast(const Communicator& comm, at::Tensor& tensor, int root, Purpose why) {
  if (comm.size() == 1) return;
  tensor = tensor.contiguous();
  std::vector<Outgoing> give;
  std::vector<Incoming> get;
  if (comm.rank() != root) {
    get.push_back(incoming(tensor, root));
  } else {
    for (int to = 0; to < comm.size(); ++to) {
      if (to != root) give.push_back(outgoing(tensor, to));
    }
  }
  comm.exchange(give, get, why).wait();
}

}  // namespace ditmill::dist
