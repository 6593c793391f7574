#pragma once

#include <span>
#include <string>
#include <vector>

#include "jobs/bench/doctor/node_facts.h"

namespace ditmill::jobs::bench::doctor {

/// Something that is not as it should be.
struct Finding {
  std::string node;  ///< that is odd; empty: no one node is to blame
  std::string what;

  bool operator==(const Finding&) const = default;
};

/// What the facts about the nodes come to.
struct Diagnosis {
  std::vector<Finding> findings;   ///< of odd nodes first, in the nodes' order
  std::vector<std::string> notes;  ///< what is known of the libraries, and takes nothing from the nodes
  bool measured = true;            ///< false: something could be measured nowhere
  bool may_pass = false;           ///< a rate or a load is among the findings, which may be of the moment

  std::vector<std::string> odd_nodes() const;
  /// 0: the nodes are alike and well; 2: something is odd; 3: it could not be measured.
  int exit_code() const;
};

/// Compares nodes with the median of all, or with what most of them have: of three or more one can be named,
/// of two only said that they differ. By itself a node is odd that misses `min_gpus`, cannot use the folder,
/// or holds a GPU back. Where a node is silent, what may pass is not judged: nobody looks again.
Diagnosis diagnose(std::span<const NodeFacts> nodes, int min_gpus);

}  // namespace ditmill::jobs::bench::doctor
