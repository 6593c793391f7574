#pragma once

#include <c10/core/Device.h>

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "dist/weights/nodes.h"
#include "jobs/bench/child_process.h"
#include "jobs/bench/load/load_model.h"
#include "jobs/bench/load/load_report.h"

namespace ditmill::jobs::bench {

/// What other libraries do with the same files: a Python process beside each rank, started once
/// (tests/reference/peers/load_peers.py). Their tensors keep the dtype of the files.
class LoadPeers {
 public:
  /// Collective. Throws the agreed Error(io) for a Python that does not start or whose ranks do not meet.
  LoadPeers(const dist::Nodes& nodes, const LoadedPlans& plans, const at::Device& device);

  /// Those that run: "peer:runai".
  const std::vector<std::string>& names() const noexcept { return names_; }
  const std::vector<SkippedStrategy>& skipped() const noexcept { return skipped_; }
  /// One load, until every page was touched; what it loaded is dropped again. Collective. Throws the agreed
  /// Error(io) for a peer that fails on any rank.
  LoadRun load(const std::string& name);

 private:
  void start();
  void meet();
  void choose(const nlohmann::json& told);
  nlohmann::json ask(const nlohmann::json& what);
  nlohmann::json agreed(const nlohmann::json& what);

  const dist::Nodes& nodes_;
  at::Device device_;
  std::string python_;
  std::unique_ptr<ChildProcess> process_;
  std::vector<std::string> names_;
  std::vector<Readers> readers_;
  std::vector<SkippedStrategy> skipped_;
};

}  // namespace ditmill::jobs::bench
