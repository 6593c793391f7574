// Streams without end, until the rank named on the command line kills itself in the middle of a broadcast.
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "dist/comm/mpi.h"
#include "dist/weights/stream.h"
#include "tests/mpi/stream_fixture.h"

int main(int argc, char** argv) {
  using namespace ditmill::dist;
  const MpiSession session(argc, argv);
  const Communicator world = session.world();
  const int victim = argc > 1 ? std::atoi(argv[1]) : 0;
  const mpi_test::Files files = mpi_test::make_file_of(std::uint64_t{20} << 20);
  const Communicator comm = mpi_test::tampering(world, [&](int call, std::span<std::byte>) {
    if (call != 12 || world.rank() != victim) return;
    std::fprintf(stderr, "rank %d kills itself\n", victim);
    std::raise(SIGKILL);
  });
  for (;;) stream_component(comm, files.plan, Mesh(comm.size(), {}), files.open());
}
