#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "dist/comm/communicator.h"
#include "dist/comm/mpi.h"

namespace ditmill::dist::mpi_test {

/// MPI of this program, for tests that need further communicators.
const MpiSession& session();
/// All ranks. Every rank runs every test, in the same order.
const Communicator& world();
/// Expects a text to be the same on every rank. Collective.
void expect_same_everywhere(const std::string& text);

}  // namespace ditmill::dist::mpi_test
