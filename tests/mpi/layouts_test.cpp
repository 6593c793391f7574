#include "dist/comm/threads.h"
#include "tests/models/layout_matrix.h"
#include "tests/mpi/mpi_test.h"

namespace ditmill::dist::mpi_test {
namespace {

using models::wan::Layout;
using models::wan::layout;

/// Clips of 1, 6 and 45 tokens.
std::vector<at::Tensor> make(const Layout& layout, const Communicator& world) {
  const c10::InferenceMode inference;
  const models::wan::Dims dims = models::wan::odd_dims();
  const ParallelContext parallel(Mesh(layout.ranks(), layout.degrees), world);
  return models::wan::make_clips(models::wan::random_weights(dims, at::kFloat, 11), dims, layout.degrees,
                                 parallel, {{1, 2, 2}, {2, 6, 2}, {3, 6, 10}}, 5, 12);
}

std::vector<Layout> layouts_of(int ranks) {
  const std::vector<Layout> all{
      layout({.dp = 1, .cfg = 2}),
      layout({.dp = 1, .ring = 2}),
      layout({.dp = 1, .ulysses = 2, .fsdp = true}),
      layout({.dp = 1, .pp = 2}),
      layout({.dp = 1, .tp = 2}),
      layout({.dp = 1, .ring = 3}),
      layout({.dp = 1, .ulysses = 3, .fsdp = true, .reshard_after_forward = false}),
      layout({.dp = 1, .pp = 3}),
      layout({.dp = 1, .tp = 3}),
      layout({.dp = 1, .cfg = 2, .ulysses = 2}),
      layout({.dp = 1, .ring = 2, .ulysses = 2}),
      layout({.dp = 1, .pp = 2, .tp = 2}),
      layout({.dp = 1, .ulysses = 4, .fsdp = true}),
      layout({.dp = 2, .tp = 2}),
  };
  std::vector<Layout> mine;
  std::ranges::copy_if(all, std::back_inserter(mine),
                       [&](const Layout& each) { return each.ranks() == ranks; });
  return mine;
}

TEST(Layouts, GiveTheBytesOverMpiThatTheyGiveBetweenThreads) {
  const std::vector<Layout> layouts = layouts_of(world().size());
  ASSERT_FALSE(layouts.empty());
  for (const Layout& each : layouts) {
    const std::vector<at::Tensor> by_mpi = make(each, world());
    std::vector<at::Tensor> by_threads;
    run_on_threads(world().size(), [&](const Communicator& threads) {
      std::vector<at::Tensor> made = make(each, threads);
      if (threads.rank() == world().rank()) by_threads = std::move(made);
    });
    ASSERT_EQ(by_mpi.size(), by_threads.size());
    for (std::size_t i = 0; i < by_mpi.size(); ++i) {
      EXPECT_TRUE(at::equal(by_mpi[i], by_threads[i])) << each.name << ", clip " << i;
    }
  }
}

}  // namespace
}  // namespace ditmill::dist::mpi_test
