#include <algorithm>
#include <cstdio>
#include <exception>
#include <optional>

#include "tests/mpi/mpi_test.h"

namespace ditmill::dist::mpi_test {
namespace {

struct Ranks {
  const MpiSession* session = nullptr;
  const Communicator* world = nullptr;
};
Ranks& ranks() {
  static Ranks ranks;
  return ranks;
}

/// Ranks other than 0 say only what failed.
class QuietPrinter final : public testing::EmptyTestEventListener {
 public:
  explicit QuietPrinter(int rank) : rank_(rank) {}
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    std::fprintf(stderr, "rank %d: %s:%d: %s\n", rank_, result.file_name() ? result.file_name() : "",
                 result.line_number(), result.message());
  }

 private:
  int rank_;
};

}  // namespace

const MpiSession& session() { return *ranks().session; }
const Communicator& world() { return *ranks().world; }

void expect_same_everywhere(const std::string& text) {
  for (const std::string& each : world().gather_text(text, 0, Purpose::agreement)) EXPECT_EQ(each, text);
}

}  // namespace ditmill::dist::mpi_test

int main(int argc, char** argv) {
  using namespace ditmill::dist;
  testing::InitGoogleTest(&argc, argv);
  const MpiSession session(argc, argv);
  const Communicator world = session.world();
  mpi_test::ranks() = {&session, &world};
  if (world.rank() != 0) {
    testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new mpi_test::QuietPrinter(world.rank()));
  }
  // mpirun kills the others when one rank ends with an error, so all end with the worst of all.
  return static_cast<int>(world.max(RUN_ALL_TESTS(), Purpose::agreement));
}
