#include "dist/weights/load.h"

#include "configs/error.h"
#include "dist/comm/agree.h"
#include "dist/weights/node_load.h"
#include "dist/weights/source/file_map.h"

namespace ditmill::dist {

using configs::Strategy;

StrategyChoice choose_strategy(const Nodes& nodes, const ComponentPlan& plan, const LoadOptions& options) {
  constexpr double mostly = 0.98;
  bool remote = false;
  bool cached = true;
  agree(nodes.world(), [&] {
    for (const registry::WeightFile& file : plan.files) {
      const std::string path = options.open(file.path)->label();
      remote = remote || is_remote(path);
      cached = cached && !remote && FileMap::open(path)->cached() >= mostly;
    }
  });
  const bool remote_somewhere = nodes.world().max(remote ? 1 : 0, Purpose::weights) != 0;
  const bool cached_everywhere = nodes.world().max(cached ? 0 : 1, Purpose::weights) == 0;
  const bool private_tensors = plan.fsdp || options.device != at::kCPU;
  const std::string where = cached_everywhere ? "in every machine's page cache" : "not in the page cache";
  if (nodes.world().size() == 1)
    return {private_tensors ? Strategy::independent : Strategy::shared, "there is one rank"};
  if (private_tensors) {
    if (cached_everywhere)
      return {Strategy::independent, "each rank has its own tensors; files are " + where};
    return {Strategy::broadcast, "each rank has its own tensors; files are " + where};
  }
  if (nodes.count() == 1) return {Strategy::shared, "all ranks are on one machine"};
  if (cached_everywhere) return {Strategy::shared, "files are " + where};
  return {Strategy::broadcast, remote_somewhere ? "files come over the network: they are read once"
                                                : "several machines, files are " + where};
}

StreamedComponent load_component(const Nodes& nodes, const ComponentPlan& plan, const Mesh& mesh,
                                 const LoadOptions& options) {
  switch (options.strategy) {
    case Strategy::independent:
    case Strategy::shared:
      return load_on_nodes(nodes, plan, mesh, options);
    case Strategy::broadcast:
      return stream_between(nodes, 1, plan, mesh, options.open, options.device);
    case Strategy::striped:
      return stream_between(nodes, nodes.count(), plan, mesh, options.open, options.device);
    case Strategy::automatic:
      break;
  }
  throw Error{Category::unsupported,
              "load weights",
              {},
              Expected{"a strategy that was chosen"},
              Got{std::string{name(options.strategy)}}};
}

}  // namespace ditmill::dist
