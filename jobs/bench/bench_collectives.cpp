#include "jobs/bench/bench_collectives.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <utility>

#include "dist/comm/tensors.h"
#include "dist/mesh.h"

namespace ditmill::jobs::bench {
namespace {

using dist::Purpose;
using Tensors = std::vector<at::Tensor>;

constexpr std::uint64_t smallest = 8;
constexpr std::uint64_t step = 8;
constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
constexpr std::uint64_t kibibyte = std::uint64_t{1} << 10;
/// Where a link is at its best differs: within the caches on a host, at the largest on a network.
constexpr std::array<std::uint64_t, 6> link_bytes{64 * kibibyte, 256 * kibibyte, mebibyte,
                                                  4 * mebibyte,  16 * mebibyte,  64 * mebibyte};
constexpr std::uint64_t copied_bytes = 64 * mebibyte;
constexpr std::int64_t element = 2;  // bfloat16
/// Values repeat after a prime number of elements, so that slices of ranks differ.
constexpr std::int64_t period = 1021;

/// Makes the cases of one team; what they run shares it.
class Cases {
 public:
  Cases(const BenchTeam& team, std::uint64_t most_bytes)
      : team_(team), ranks_(team.tensors.size()), rank_(team.tensors.rank()) {
    const auto elements = static_cast<std::int64_t>(most_bytes) / element;
    own_ = pattern(rank_, elements);
    room_ = at::empty_like(own_);
  }

  BenchCase all_reduce(std::uint64_t bytes) const {
    const at::Tensor tensor = first(bytes);
    return {.name = "all_reduce",
            .bytes = bytes,
            .least_traffic = 2 * others() * static_cast<double>(bytes),
            .why = Purpose::tensor,
            .run = [=, this] { return Tensors{dist::all_reduce(comm(), tensor, Purpose::tensor)}; },
            .expected = [=, this] { return Tensors{sum(tensor.numel())}; }};
  }

  BenchCase reduce_scatter(std::uint64_t bytes) const {
    const at::Tensor tensor = first(bytes);
    return {.name = "reduce_scatter",
            .bytes = bytes,
            .least_traffic = others() * static_cast<double>(bytes),
            .why = Purpose::tensor,
            .run = [=, this] { return Tensors{dist::reduce_scatter(comm(), tensor, 0, Purpose::tensor)}; },
            .expected = [=, this] { return Tensors{slice(sum(tensor.numel()), rank_)}; }};
  }

  BenchCase all_gather(std::uint64_t bytes) const {
    std::vector<std::int64_t> sizes;
    for (int rank = 0; rank < ranks_; ++rank) sizes.push_back(slice(first(bytes), rank).numel());
    const at::Tensor part = own_.narrow(0, 0, sizes[static_cast<std::size_t>(rank_)]);
    return {.name = "all_gather",
            .bytes = bytes,
            .least_traffic = others() * static_cast<double>(bytes),
            .why = Purpose::sequence,
            .run = [=, this] { return Tensors{dist::all_gather(comm(), part, 0, sizes, Purpose::sequence)}; },
            .expected =
                [=, this] {
                  Tensors parts;
                  for (int rank = 0; rank < ranks_; ++rank) {
                    parts.push_back(pattern(rank, sizes[static_cast<std::size_t>(rank)]));
                  }
                  return Tensors{at::cat(parts)};
                }};
  }

  BenchCase all_to_all(std::uint64_t bytes) const {
    Tensors send;
    for (int rank = 0; rank < ranks_; ++rank) send.push_back(slice(first(bytes), rank));
    const std::vector<std::vector<std::int64_t>> shapes(send.size(), {slice(first(bytes), rank_).numel()});
    return {
        .name = "all_to_all",
        .bytes = bytes,
        .least_traffic = others() * static_cast<double>(bytes),
        .why = Purpose::ulysses,
        .run = [=, this] { return dist::start_all_to_all(comm(), send, shapes, Purpose::ulysses).wait(); },
        .expected =
            [=, this] {
              Tensors parts;
              for (int rank = 0; rank < ranks_; ++rank) {
                parts.push_back(slice(pattern(rank, first(bytes).numel()), rank_));
              }
              return parts;
            }};
  }

  BenchCase broadcast(std::uint64_t bytes) const {
    const at::Tensor own = first(bytes);
    const at::Tensor room = room_.narrow(0, 0, own.numel());
    return {.name = "broadcast",
            .bytes = bytes,
            .least_traffic = static_cast<double>(bytes),
            .one_way = true,
            .why = Purpose::stages,
            .run =
                [=, this, giver = givers()] {
                  const int root = giver();
                  at::Tensor tensor = rank_ == root ? own : room;
                  dist::broadcast(comm(), tensor, root, Purpose::stages);
                  return Tensors{tensor};
                },
            .expected = [=, this] { return Tensors{pattern(0, own.numel())}; }};
  }

  BenchCase shift(std::uint64_t bytes) const {
    const at::Tensor tensor = first(bytes);
    const int next = (rank_ + 1) % ranks_;
    const int last = (rank_ + ranks_ - 1) % ranks_;
    return {
        .name = "shift",
        .bytes = bytes,
        .least_traffic = static_cast<double>(bytes),
        .why = Purpose::ring,
        .run =
            [=, this] {
              return dist::start_shift(comm(), tensor, next, last, {tensor.numel()}, Purpose::ring).wait();
            },
        .expected = [=, this] { return Tensors{pattern(last, tensor.numel())}; }};
  }

  BenchCase link(std::uint64_t bytes) const {
    return {.kind = BenchCase::Kind::link,
            .name = "link",
            .bytes = bytes,
            .least_traffic = static_cast<double>(piece(bytes) * (ranks() - 1)),
            .why = Purpose::progress,
            .run =
                [give = give_all(bytes), get = get_all(bytes), this] {
                  comm().exchange(give, get, Purpose::progress).wait();
                  return Tensors{};
                },
            .expected = {}};
  }

  BenchCase link_one_way(std::uint64_t bytes) const {
    BenchCase made = link(bytes);
    made.one_way = true;
    made.run = [give = give_all(bytes), get = get_all(bytes), giver = givers(), this] {
      const int root = giver();
      const std::span<const dist::Incoming> all(get);
      // get_all() goes round from the next rank on.
      const auto place = static_cast<std::size_t>((root - rank_ - 1 + ranks_) % ranks_);
      if (rank_ == root) {
        comm().exchange(give, {}, Purpose::progress).wait();
      } else {
        comm().exchange({}, all.subspan(place, 1), Purpose::progress).wait();
      }
      return Tensors{};
    };
    return made;
  }

  BenchCase copy(std::uint64_t bytes) const {
    const at::Tensor from = first(bytes);
    const at::Tensor to = room_.narrow(0, 0, from.numel());
    return {.kind = BenchCase::Kind::copy,
            .name = "copy",
            .bytes = bytes,
            .least_traffic = static_cast<double>(bytes),
            .run = [=] { return Tensors{to.copy_(from)}; },
            .expected = [=] { return Tensors{from}; }};
  }

  BenchCase barrier() const {
    return {.kind = BenchCase::Kind::host,
            .name = "barrier",
            .run =
                [this] {
                  team_.host.barrier(Purpose::agreement);
                  return Tensors{};
                },
            .expected = {}};
  }

  BenchCase max() const {
    return {.kind = BenchCase::Kind::host,
            .name = "max",
            .bytes = sizeof(std::int64_t),
            .run = [this] { return Tensors{at::scalar_tensor(team_.host.max(rank_, Purpose::agreement))}; },
            .expected = [this] { return Tensors{at::scalar_tensor(ranks_ - 1)}; }};
  }

 private:
  const dist::Communicator& comm() const { return team_.tensors; }
  std::uint64_t ranks() const { return static_cast<std::uint64_t>(ranks_); }

  /// Who gives in the next call: ranks take turns, so that none runs ahead of those that get.
  std::function<int()> givers() const {
    return [next = std::make_shared<int>(0), ranks = ranks_] { return (*next)++ % ranks; };
  }

  /// A rank's part of so many bytes for all others.
  std::uint64_t piece(std::uint64_t bytes) const { return bytes / (ranks() - 1); }
  std::vector<dist::Outgoing> give_all(std::uint64_t bytes) const {
    std::vector<dist::Outgoing> give;
    for (int i = 1; i < ranks_; ++i) {
      const std::uint64_t offset = static_cast<std::uint64_t>(i - 1) * piece(bytes);
      give.push_back(
          {(rank_ + i) % ranks_, static_cast<const char*>(own_.const_data_ptr()) + offset, piece(bytes)});
    }
    return give;
  }
  std::vector<dist::Incoming> get_all(std::uint64_t bytes) const {
    std::vector<dist::Incoming> get;
    for (int i = 1; i < ranks_; ++i) {
      const std::uint64_t offset = static_cast<std::uint64_t>(i - 1) * piece(bytes);
      get.push_back({(rank_ + i) % ranks_, static_cast<char*>(room_.data_ptr()) + offset, piece(bytes)});
    }
    return get;
  }

  /// The part of a tensor that the links to all others carry.
  double others() const { return static_cast<double>(ranks_ - 1) / ranks_; }

  at::Tensor first(std::uint64_t bytes) const {
    return own_.narrow(0, 0, static_cast<std::int64_t>(bytes) / element);
  }
  at::Tensor slice(const at::Tensor& tensor, int rank) const {
    const dist::Range range = dist::share(tensor.numel(), rank, ranks_);
    return tensor.narrow(0, range.begin, range.size());
  }

  /// One period of a rank's values: small whole numbers, other ones on other ranks.
  at::Tensor values(int rank) const {
    return at::arange(period, at::TensorOptions(at::kFloat).device(team_.device))
        .mul_(7)
        .add_(3.0 * rank)
        .remainder_(5);
  }
  static at::Tensor spread(const at::Tensor& one_period, std::int64_t elements) {
    return one_period.to(at::kBFloat16).repeat({elements / period + 1}).narrow(0, 0, elements);
  }
  at::Tensor pattern(int rank, std::int64_t elements) const { return spread(values(rank), elements); }
  at::Tensor sum(std::int64_t elements) const {
    at::Tensor sum = values(0);
    for (int rank = 1; rank < ranks_; ++rank) sum.add_(values(rank));
    return spread(sum, elements);
  }

  BenchTeam team_;
  int ranks_;
  int rank_;
  at::Tensor own_;   ///< this rank's pattern; what is given are its first elements
  at::Tensor room_;  ///< for what is got, where that needs room beforehand
};

std::vector<std::uint64_t> sizes_up_to(std::uint64_t max_bytes) {
  std::vector<std::uint64_t> sizes;
  const std::uint64_t largest = max_bytes / element * element;
  for (std::uint64_t bytes = smallest; bytes < largest; bytes *= step) sizes.push_back(bytes);
  sizes.push_back(largest);
  return sizes;
}

}  // namespace

std::vector<BenchCase> bench_cases(const BenchTeam& team, std::uint64_t max_bytes) {
  const auto shared = std::make_shared<const Cases>(team, std::max(max_bytes, copied_bytes));
  std::vector<BenchCase> cases;
  // What a case runs lives as long as the buffers that it uses.
  const auto add = [&](BenchCase made) {
    made.run = [shared, run = std::move(made.run)] { return run(); };
    cases.push_back(std::move(made));
  };
  add(shared->copy(copied_bytes));
  for (const std::uint64_t bytes : link_bytes) add(shared->link(bytes));
  for (const std::uint64_t bytes : link_bytes) add(shared->link_one_way(bytes));
  add(shared->barrier());
  add(shared->max());
  const std::vector<std::uint64_t> sizes = sizes_up_to(max_bytes);
  for (const auto make : {&Cases::all_reduce, &Cases::reduce_scatter, &Cases::all_gather, &Cases::all_to_all,
                          &Cases::broadcast, &Cases::shift}) {
    for (const std::uint64_t bytes : sizes) add((*shared.*make)(bytes));
  }
  return cases;
}

}  // namespace ditmill::jobs::bench
