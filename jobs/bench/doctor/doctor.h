#pragma once

#include <string>
#include <vector>

#include "dist/comm/mpi.h"
#include "jobs/bench/doctor/doctor_options.h"
#include "jobs/bench/doctor/node_facts.h"

namespace ditmill::jobs::bench::doctor {

/// Looks at all nodes at once, one rank each, and at what each pair gives, in about so many seconds. On rank
/// 0 all that is known; a node that has not answered after twice as many is silent, and no pairs are
/// measured. Collective.
std::vector<NodeFacts> look_at_nodes(const dist::Communicator& nodes, const std::string& folder,
                                     double seconds);

/// `ditmill doctor` on one rank; of several on a node the first is the node. Returns the exit code on rank 0.
/// Collective.
int examine(const dist::MpiSession& mpi, const DoctorOptions& options);

}  // namespace ditmill::jobs::bench::doctor
