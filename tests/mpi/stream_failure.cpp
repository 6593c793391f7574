#include "tests/mpi/stream_failure.h"

#include <optional>

#include "dist/comm/agree.h"
#include "dist/weights/stream.h"
#include "registry/digest.h"
#include "tests/mpi/mpi_test.h"

namespace ditmill::dist::mpi_test {

Error failure(const Communicator& comm, const ComponentPlan& plan, const OpenSource& open) {
  std::optional<Error> caught;
  try {
    stream_component(comm, plan, Mesh(comm.size(), {}), open);
  } catch (const Error& error) {
    caught = error;
  }
  expect_same_everywhere(caught ? to_text(*caught) : "no error");
  EXPECT_TRUE(caught.has_value());
  return caught.value_or(Error{Category::internal, "no error"});
}

Files three_tensors(int leaves) {
  const auto total = static_cast<std::uint64_t>(leaves);
  return make_files({{{"first", registry::ElementType::bf16, {registry::leaf_bytes * 5 / 4}},
                      {"second", registry::ElementType::bf16, {registry::leaf_bytes / 2}},
                      {"third", registry::ElementType::bf16, {(total * 2 - 7) * registry::leaf_bytes / 4}}}},
                    0);
}

}  // namespace ditmill::dist::mpi_test
