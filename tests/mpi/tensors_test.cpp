#include "dist/comm/tensors.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "configs/error.h"
#include "dist/comm/threads.h"
#include "dist/mesh.h"
#include "dist/parallel_context.h"
#include "tests/mpi/mpi_test.h"

namespace ditmill::dist {
namespace {

using mpi_test::world;

constexpr Purpose why = Purpose::tensor;

at::Tensor draw(at::IntArrayRef shape, int seed, at::ScalarType dtype = at::kFloat) {
  return at::randn(shape, at::detail::createCPUGenerator(static_cast<std::uint64_t>(seed)),
                   at::TensorOptions(at::kFloat))
      .to(dtype);
}

bool same_bytes(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() &&
         std::memcmp(a.contiguous().data_ptr(), b.contiguous().data_ptr(), a.nbytes()) == 0;
}

/// Runs a collective on MPI's ranks and on as many threads: every MPI rank expects the bytes of its thread.
void expect_as_threads(const std::function<at::Tensor(const Communicator&)>& collective) {
  const at::Tensor here = collective(world());
  std::vector<at::Tensor> threads(static_cast<std::size_t>(world().size()));
  run_on_threads(world().size(), [&](const Communicator& comm) {
    threads[static_cast<std::size_t>(comm.rank())] = collective(comm);
  });
  EXPECT_TRUE(same_bytes(here, threads[static_cast<std::size_t>(world().rank())]));
}

TEST(Tensors, are_summed_in_float32_in_rank_order) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kDouble}) {
    for (const std::int64_t size : {1, 3, 1000, 100'003}) {
      at::Tensor sum = draw({size}, 0, dtype).to(dtype == at::kDouble ? dtype : at::kFloat);
      for (int rank = 1; rank < world().size(); ++rank) sum = sum + draw({size}, rank, dtype).to(sum.dtype());
      const at::Tensor got = all_reduce(world(), draw({size}, world().rank(), dtype), why);
      EXPECT_TRUE(same_bytes(got, sum.to(dtype))) << size << " of " << c10::toString(dtype);
      expect_as_threads(
          [&](const Communicator& comm) { return all_reduce(comm, draw({size}, comm.rank(), dtype), why); });
    }
  }
}

TEST(Tensors, a_reduced_one_keeps_its_shape_whatever_its_strides) {
  const at::Tensor mine = draw({40, 5, 70}, world().rank()).transpose(0, 2);
  at::Tensor sum = at::zeros({70, 5, 40});
  for (int rank = 0; rank < world().size(); ++rank) sum += draw({40, 5, 70}, rank).transpose(0, 2);
  EXPECT_TRUE(same_bytes(all_reduce(world(), mine, why), sum));
}

TEST(Tensors, of_uneven_sizes_are_gathered_and_scattered) {
  const int ranks = world().size();
  std::vector<std::int64_t> sizes;
  std::vector<at::Tensor> parts;
  for (int rank = 0; rank < ranks; ++rank) {
    sizes.push_back(rank == 1 ? 0 : 3 + rank);
    parts.push_back(draw({2, sizes.back(), 4}, rank));
  }
  const at::Tensor mine = parts[static_cast<std::size_t>(world().rank())];
  EXPECT_TRUE(same_bytes(all_gather(world(), mine, 1, sizes, why), at::cat(parts, 1)));

  at::Tensor sum = at::zeros({7, 3});
  for (int rank = 0; rank < ranks; ++rank) sum += draw({7, 3}, rank);
  const Range range = share(7, world().rank(), ranks);
  EXPECT_TRUE(same_bytes(reduce_scatter(world(), draw({7, 3}, world().rank()), 0, why),
                         sum.narrow(0, range.begin, range.size())));
}

TEST(Tensors, go_from_all_to_all_and_are_counted) {
  const int ranks = world().size();
  const Traffic before = world().traffic(Purpose::ulysses);
  std::vector<at::Tensor> send;
  std::vector<std::vector<std::int64_t>> shapes;
  std::uint64_t given = 0;
  for (int to = 0; to < ranks; ++to) {
    send.push_back(at::full({to + 1, 3}, world().rank() * 10 + to, at::kFloat));
    if (to != world().rank()) given += send.back().nbytes();
    shapes.push_back({world().rank() + 1, 3});
  }
  const auto got = start_all_to_all(world(), send, shapes, Purpose::ulysses).wait();
  for (int from = 0; from < ranks; ++from) {
    const auto& part = got[static_cast<std::size_t>(from)];
    EXPECT_TRUE(same_bytes(part, at::full({world().rank() + 1, 3}, from * 10 + world().rank(), at::kFloat)));
  }
  const Traffic after = world().traffic(Purpose::ulysses) - before;
  EXPECT_EQ(after.bytes, given);
  EXPECT_EQ(after.calls, 1U);
}

TEST(Tensors, several_shifts_are_under_way_at_once_and_arrive_in_order) {
  const int ranks = world().size();
  const int next = (world().rank() + 1) % ranks;
  const int previous = (world().rank() + ranks - 1) % ranks;
  std::vector<PendingTensors> pending;
  for (int i = 0; i < 5; ++i) {
    const at::Tensor mine = at::full({50'000 * i + 1}, world().rank() * 100 + i, at::kFloat);
    pending.push_back(start_shift(world(), mine, next, previous, {50'000 * i + 1}, Purpose::ring));
  }
  for (int i = 0; i < 5; ++i) {
    const auto got = pending[static_cast<std::size_t>(i)].wait();
    EXPECT_TRUE(same_bytes(got.at(0), at::full({50'000 * i + 1}, previous * 100 + i, at::kFloat)));
  }
}

TEST(Tensors, are_broadcast_from_any_root) {
  for (int root = 0; root < world().size(); ++root) {
    at::Tensor tensor = world().rank() == root ? draw({33, 7}, root) : at::empty({33, 7});
    broadcast(world(), tensor, root, why);
    EXPECT_TRUE(same_bytes(tensor, draw({33, 7}, root)));
  }
}

TEST(Tensors, larger_than_one_call_arrive_whole) {
  const Communicator comm = mpi_test::session().world(1000);
  EXPECT_TRUE(same_bytes(all_reduce(comm, draw({54'321}, comm.rank()), why),
                         all_reduce(world(), draw({54'321}, world().rank()), why)));
}

TEST(ParallelContext, teams_are_those_that_differ_on_their_axes) {
  if (world().size() != 4) return;
  const Mesh mesh(4, {.dp = 1, .cfg = 2, .ulysses = 2});
  const ParallelContext context(mesh, world());
  EXPECT_EQ(context.team(Team::cfg).size(), 2);
  EXPECT_EQ(context.team(Team::cfg).rank(), world().rank() / 2);
  EXPECT_EQ(context.team(Team::sequence).rank(), world().rank() % 2);
  EXPECT_EQ(context.team(Team::parameters).rank(), world().rank());
  EXPECT_EQ(context.team(Team::clip).size(), 4);
  EXPECT_EQ(context.team(Team::tp).size(), 1);
  for (const Team team : teams) {
    EXPECT_EQ(context.team(team).size(), context.size(team));
    EXPECT_EQ(context.team(team).rank(), context.place(team));
  }
}

TEST(Threads, one_that_throws_ends_the_waits_of_all) {
  try {
    run_on_threads(3, [](const Communicator& comm) {
      if (comm.rank() == 1) throw Error{Category::numeric, "fail on purpose", {}, {}, {}};
      all_reduce(comm, at::ones({10}), why);
    });
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::numeric);
  }
}

TEST(Threads, split_as_mpi_does) {
  expect_as_threads([](const Communicator& comm) {
    const Communicator half = comm.split(comm.rank() % 2, -comm.rank(), Purpose::plan);
    const Communicator again = half.split(0, 0, Purpose::plan);
    const std::int64_t most = again.max(comm.rank() * 7, Purpose::plan);
    std::string all;
    for (const std::string& text : again.gather_text(std::to_string(comm.rank()), 0, Purpose::plan))
      all += text;
    return at::tensor(
        {half.rank(), half.size(), again.rank(), static_cast<int>(most), all.empty() ? -1 : std::stoi(all)});
  });
}

}  // namespace
}  // namespace ditmill::dist
