#include "dist/weights/machine_ring.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <thread>

#include "dist/weights/nodes.h"
#include "tests/mpi/mpi_test.h"

namespace ditmill::dist {
namespace {

using mpi_test::world;

constexpr std::size_t frames = 4;
constexpr std::size_t length = 1000;

/// What the first rank writes for a chunk.
std::byte mark(std::size_t chunk, std::size_t at) { return static_cast<std::byte>((chunk * 7 + at) % 251); }

void give(MachineRing& ring, std::size_t chunks, const std::atomic<bool>& stopped) {
  std::vector<Frame> mine;
  for (std::size_t i = 0; i < ring.size(); ++i) mine.push_back(ring.frame(i));
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    Frame& frame = mine[chunk % mine.size()];
    ring.await(frame, stopped);
    const std::span<std::byte> bytes = frame.payload(length);
    for (std::size_t at = 0; at < length; ++at) bytes[at] = mark(chunk, at);
    frame.chunk = chunk;
    ring.publish(frame);
  }
  for (const Frame& frame : mine) ring.await(frame, stopped);
}

/// Takes all chunks, some at a time, which it gives back in any order.
void take(MachineRing& ring, std::size_t chunks, const std::atomic<bool>& stopped) {
  std::minstd_rand random{static_cast<unsigned>(world().rank())};
  for (std::size_t next = 0; next < chunks;) {
    std::vector<Frame*> held;
    const std::size_t past = std::min(next + 1 + random() % frames, chunks);
    for (; next < past; ++next) {
      held.push_back(ring.take(stopped));
      ASSERT_EQ(held.back()->chunk, next);
    }
    std::ranges::shuffle(held, random);
    for (const Frame* frame : held) {
      const std::span<const std::byte> bytes = frame->payload(length);
      for (std::size_t at = 0; at < length; ++at) ASSERT_EQ(bytes[at], mark(frame->chunk, at));
      ring.give_back(*frame);
    }
  }
}

TEST(MachineRing, BringsEveryChunkToEveryRankLoadAfterLoad) {
  MachineRing ring{world(), frames};
  std::atomic<bool> stopped = false;
  for (const std::size_t chunks : {0, 1, 500, 37}) {
    ring.clear();
    world().barrier(Purpose::agreement);
    if (world().rank() == 0) {
      give(ring, chunks, stopped);
    } else {
      take(ring, chunks, stopped);
    }
    world().barrier(Purpose::agreement);
  }
}

TEST(MachineRing, LetsWhoWaitsGoWhenAllIsStopped) {
  MachineRing ring{world(), 1};
  ring.clear();
  world().barrier(Purpose::agreement);
  std::atomic<bool> stopped = false;
  std::thread stops([&] { stopped = true; });
  if (world().rank() == 0) {
    const Frame frame = ring.frame(0);
    ring.publish(frame);
    ring.await(frame, stopped);
  } else {
    while (ring.take(stopped) != nullptr) {
    }
  }
  stops.join();
  EXPECT_TRUE(stopped || world().size() == 1);
}

TEST(MachineRing, IsMadeOnceForAllLoads) {
  const Nodes nodes{world(), "all"};
  MachineRing* const ring = nodes.ring(frames);
  ASSERT_NE(ring, nullptr);
  EXPECT_EQ(nodes.ring(frames - 1), ring);
  EXPECT_GE(nodes.ring(frames + 1)->size(), frames + 1);
  EXPECT_EQ(nodes.ring_refused(), "");
}

TEST(MachineRing, IsDoneWithoutWhereThereIsNoRoom) {
  const Nodes nodes{world(), "all"};
  EXPECT_EQ(nodes.ring(std::size_t{1} << 36), nullptr);
  EXPECT_THAT(nodes.ring_refused(), testing::HasSubstr("bytes"));
  EXPECT_EQ(nodes.ring(frames), nullptr) << "it is not tried again";
}

}  // namespace
}  // namespace ditmill::dist
