#pragma once

#include "configs/error.h"
#include "tests/mpi/stream_fixture.h"

namespace ditmill::dist::mpi_test {

/// The error that stream_component() throws: expects the same on every rank. Collective.
Error failure(const Communicator& comm, const ComponentPlan& plan, const OpenSource& open);

/// A file of so many leaves: tensor "first" up to byte 2.5 leaves, "second" up to 3.5, "third" the rest.
Files three_tensors(int leaves = 8);

}  // namespace ditmill::dist::mpi_test
