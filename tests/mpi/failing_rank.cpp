// failing_rank RANK: all ranks wait for each other in a collective call, but for one, which meets an error
// that the others do not know of.
#include <chrono>
#include <cstdlib>
#include <thread>

#include "dist/comm/mpi.h"
#include "dist/liveness/sentinel.h"

int main(int argc, char** argv) {
  using namespace ditmill;
  dist::Sentinel::take_over_signals();
  dist::MpiSession session(argc, argv);
  const dist::Communicator world = session.world();
  dist::RankState state(world.rank());
  dist::Sentinel sentinel(session.world(), state);
  if (world.rank() == std::atoi(argv[1])) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    sentinel.fail(Error{Category::usage, "meet in the middle", {}, Expected{"peace"}, Got{"none"}});
  }
  world.barrier(dist::Purpose::agreement);
  return 0;
}
