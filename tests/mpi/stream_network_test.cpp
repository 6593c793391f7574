// What happens to bytes on their way: for two ranks and more.
#include <ATen/ATen.h>

#include <cstring>
#include <mutex>
#include <set>
#include <string>

#include "configs/error.h"
#include "dist/weights/load.h"
#include "registry/digest.h"
#include "tests/mpi/mpi_test.h"
#include "tests/mpi/stream_failure.h"

namespace ditmill::dist {
namespace {

using mpi_test::failure;
using mpi_test::Files;
using mpi_test::three_tensors;
using mpi_test::world;
using registry::leaf_bytes;

struct Flip {
  const char* what;
  int chunk;
  std::size_t byte;  ///< in the broadcast: 64 bytes of header, then the chunk
  const char* tensors;
};

TEST(StreamNetwork, FindsABitThatChangedOnItsWayToOneRank) {
  const Flip flips[] = {
      {"the first byte", 0, 64, "first"},
      {"the last byte of a chunk", 1, 64 + leaf_bytes - 1, "first"},
      {"a chunk with two tensors", 2, 64 + 1000, "first, second"},
      {"the last chunk", 7, 64 + 5, "third"},
      {"the chunk's number", 3, 0, "second, third"},
      {"the mark that rank 0 has failed", 4, 8, "third"},
      {"the digest", 5, 16, "third"},
  };
  const Files files = three_tensors();
  for (const Flip& flip : flips) {
    for (const int victim : {1, world().size() - 1}) {
      SCOPED_TRACE(std::string(flip.what) + " on rank " + std::to_string(victim));
      const Communicator comm = mpi_test::tampering(world(), [&](int call, std::span<std::byte> bytes) {
        if (call == flip.chunk && world().rank() == victim) bytes[flip.byte] ^= std::byte{1};
      });
      const Error error = failure(comm, files.plan, files.open());
      EXPECT_EQ(error.category(), Category::communication);
      EXPECT_EQ(error.where().file, "/weights/0");
      EXPECT_EQ(error.where().offset, static_cast<std::uint64_t>(flip.chunk) * leaf_bytes);
      EXPECT_EQ(error.where().tensor, flip.tensors);
      EXPECT_EQ(error.where().rank, victim);
    }
  }
}

struct Loaded {
  std::string error = "none";
  int again = 0;                   ///< how often something was read once more
  std::set<std::uint64_t> chunks;  ///< that this rank read then
};

/// Loads by broadcast, every rank a machine, over a network that changes a bit of the first chunk on the last
/// rank as often.
Loaded load(const Files& files, int flips) {
  Loaded loaded;
  const Communicator comm = mpi_test::tampering(world(), [&](int, std::span<std::byte> bytes) {
    if (world().rank() != world().size() - 1 || flips == 0 || bytes.size() < 5000) return;
    if (std::memcmp(bytes.data() + 64, files.bytes[0].data(), 64) != 0) return;
    --flips;
    bytes[64 + 1000] ^= std::byte{1};
  });
  std::mutex mutex;  // threads read ahead
  const OpenSource open = mpi_test::watched(files, [&](std::uint64_t offset, std::span<std::byte>) {
    const std::scoped_lock lock(mutex);
    if (loaded.again > 0) loaded.chunks.insert(offset / leaf_bytes);
  });
  const Nodes nodes{comm, std::to_string(world().rank())};
  try {
    const StreamedComponent got =
        load_component(nodes, files.plan, Mesh(comm.size(), {}),
                       {.open = open, .read_again = [&](const Error&) { ++loaded.again; }});
    const StreamedComponent expected =
        stream_component(world(), files.plan, Mesh(comm.size(), {}), files.open());
    for (const auto& [name, tensor] : expected.tensors)
      EXPECT_EQ(std::memcmp(got.tensors.at(name).data_ptr(), tensor.data_ptr(), tensor.nbytes()), 0) << name;
    EXPECT_EQ(got.digests.at(0).leaves, expected.digests.at(0).leaves);
  } catch (const Error& error) {
    loaded.error = error.what();
  }
  mpi_test::expect_same_everywhere(loaded.error);
  return loaded;
}

TEST(StreamNetwork, ReadsOnceMoreTheTensorsOfWhatChangedOnItsWay) {
  const Files files = three_tensors();
  const Loaded healed = load(files, 1);
  EXPECT_EQ(healed.error, "none");
  EXPECT_EQ(healed.again, 1);
  EXPECT_EQ(healed.chunks,
            world().rank() == 0 ? (std::set<std::uint64_t>{0, 1, 2}) : std::set<std::uint64_t>{})
      << "those of the first tensor";
  const Loaded twice = load(files, 1000);
  EXPECT_EQ(twice.again, 1) << "once, then it is an error";
  EXPECT_THAT(twice.error, testing::AllOf(testing::HasSubstr("/weights/0, byte 0"),
                                          testing::HasSubstr("rank " + std::to_string(world().size() - 1))));
}

TEST(StreamNetwork, FindsAChangeOnEveryReceiverAndSaysItOnce) {
  const Files files = three_tensors();
  const Communicator comm = mpi_test::tampering(world(), [&](int call, std::span<std::byte> bytes) {
    if (call == 2 && world().rank() != 0) bytes[64] ^= std::byte{0x80};
  });
  const Error error = failure(comm, files.plan, files.open());
  EXPECT_EQ(error.where().rank, 1);
  const std::string what = error.what();
  EXPECT_EQ(what.find("check the network"), what.rfind("check the network")) << what;
}

TEST(StreamNetwork, EndsBeforeManyMoreChunksAreSent) {
  const Files files = three_tensors(40);
  int broadcasts = 0;
  const Communicator comm = mpi_test::tampering(world(), [&](int call, std::span<std::byte> bytes) {
    ++broadcasts;
    if (call == 3 && world().rank() == 1) bytes[100] ^= std::byte{1};
  });
  failure(comm, files.plan, files.open());
  EXPECT_LE(broadcasts, 4 * 4 + 2)
      << "an agreement every 4 chunks, of what was seen by then two earlier; the message";
}

}  // namespace
}  // namespace ditmill::dist
