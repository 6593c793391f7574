#include "dist/weights/load.h"

#include <algorithm>
#include <optional>

#include "configs/error.h"
#include "dist/comm/agree.h"
#include "dist/weights/node_load.h"
#include "dist/weights/offload/weights_in_files.h"
#include "dist/weights/offload/weights_on_host.h"
#include "dist/weights/probe.h"
#include "dist/weights/source/file_map.h"
#include "dist/weights/tensors/allocated.h"
#include "dist/weights/tensors/tensor_memory.h"

namespace ditmill::dist {
namespace {

using configs::Strategy;

/// Less than this comes sooner than a probe ends.
constexpr std::uint64_t worth_a_probe = 1'000'000'000;

/// What the ranks of a machine find out together.
struct Found {
  bool everywhere = true;  ///< each machine can open the files
  bool remote = false;     ///< they are on another machine's disk, somewhere
  bool cached = true;      ///< they are in every machine's page cache
};

/// The first rank of each machine looks at the files. Collective.
Found look_at_files(const Nodes& nodes, const ComponentPlan& plan, const OpenSource& open) {
  Found found;
  const std::optional<Error> failure = failure_of([&] {
    if (nodes.local().rank() > 0) return;
    for (const registry::WeightFile& file : plan.files) {
      const std::string path = open(file.path)->label();
      found.remote = found.remote || is_remote(path);
      found.cached = found.cached && !found.remote && FileMap::open(path)->cached() >= mostly_cached;
    }
  });
  const auto somewhere = [&nodes](bool here) {
    return nodes.world().max(here ? 1 : 0, Purpose::weights) != 0;
  };
  found.everywhere = !somewhere(failure.has_value());
  found.remote = somewhere(found.remote);
  found.cached = !somewhere(!found.cached);
  return found;
}

/// Whether /dev/shm takes, on every machine, what teams of its ranks would share. Collective.
bool has_room(const Nodes& nodes, const ComponentPlan& plan, const Mesh& mesh) {
  const auto cuts =
      static_cast<std::uint64_t>(mesh.degree(Axis::tp)) * static_cast<std::uint64_t>(mesh.degree(Axis::pp));
  const std::uint64_t teams = std::min<std::uint64_t>(cuts, static_cast<std::uint64_t>(nodes.local().size()));
  const bool lacks = TensorMemory::shared_room() < teams * plan.bytes_on(mesh, nodes.world().rank());
  return nodes.world().max(lacks ? 1 : 0, Purpose::weights) == 0;
}

}  // namespace

StrategyChoice choose_strategy(const Nodes& nodes, const ComponentPlan& plan, const Mesh& mesh,
                               const LoadOptions& options) {
  const bool own = plan.fsdp || options.device != at::kCPU;
  if (options.strategy == Strategy::shared && own)
    return {Strategy::independent, "shared is for ranks on the CPU, without fsdp"};
  if (options.strategy != Strategy::automatic) return {options.strategy, "as the manifest says"};
  if (nodes.world().size() == 1) return {own ? Strategy::independent : Strategy::shared, "there is one rank"};
  if (!own && !has_room(nodes, plan, mesh))
    return {Strategy::broadcast, "/dev/shm has too little room for tensors that ranks share"};
  if (!own && nodes.count() == 1) return {Strategy::shared, "all ranks are on one machine"};
  const Found found = look_at_files(nodes, plan, options.open);
  if (!found.everywhere) return {Strategy::broadcast, "not every machine has the files"};
  if (found.cached) {
    return {own ? Strategy::independent : Strategy::shared, "the files are in every machine's page cache"};
  }
  if (nodes.count() == 1 || plan.file_bytes() < worth_a_probe)
    return {Strategy::broadcast, "they are read once"};
  const Rates rates = probe_rates(nodes, plan, options.open);
  return {fastest(rates, nodes.count(), own ? Strategy::independent : Strategy::shared), describe(rates),
          useful_readers(rates, nodes.count())};
}

namespace {

/// Of `striped`.
int readers(const Nodes& nodes, const ComponentPlan& plan, const LoadOptions& options) {
  if (options.readers > 0) return std::min(options.readers, nodes.count());
  if (nodes.count() == 1 || plan.file_bytes() < worth_a_probe) return nodes.count();
  return useful_readers(nodes, plan, options.open);
}

StreamedComponent load_held(const Nodes& nodes, const ComponentPlan& plan, const Mesh& mesh,
                            const LoadOptions& options) {
  switch (options.strategy) {
    case Strategy::independent:
    case Strategy::shared:
      return load_on_nodes(nodes, plan, mesh, options);
    case Strategy::broadcast:
      return stream_between(nodes, 1, plan, mesh, options);
    case Strategy::striped:
      return stream_between(nodes, readers(nodes, plan, options), plan, mesh, options);
    case Strategy::automatic:
      break;
  }
  throw AgreedError{Error{Category::internal,
                          "load weights",
                          {},
                          Expected{"a strategy that was chosen"},
                          Got{std::string{name(options.strategy)}}}};
}

/// What is read again is read by every rank, whatever way it came the first time.
void expect_files_here(const ComponentPlan& plan, const OpenSource& open) {
  const std::optional<Error> failure = failure_of([&] { open_files(plan, open); });
  if (!failure) return;
  throw Error{failure->with(
      {.hint = "offload on CPUs reads the files on every machine: have them there (a shared file system, "
               "slurm.stage), or set components." +
               plan.name + ".offload: none"})};
}

/// All of it comes to the host; what is not held stays there.
StreamedComponent load_beside_device(const Nodes& nodes, const ComponentPlan& plan, const Mesh& mesh,
                                     const LoadOptions& options) {
  ComponentPlan all = plan;
  all.offload = {};
  LoadOptions on_host = options;
  on_host.device = at::kCPU;
  StreamedComponent loaded = load_held(nodes, all, mesh, on_host);
  agree(nodes.world(), [&] {
    loaded.offloaded = std::make_shared<WeightsOnHost>(offloaded_pieces(plan, mesh, nodes.world().rank()),
                                                       loaded.tensors, /*pinned=*/true);
    for (auto& [name, tensor] : loaded.tensors) {
      tensor = allocated(name, [&here = tensor, &options] { return here.to(options.device); });
    }
  });
  return loaded;
}

}  // namespace

StreamedComponent load_component(const Nodes& nodes, const ComponentPlan& plan, const Mesh& mesh,
                                 const LoadOptions& options) {
  if (!plan.offload.any()) return load_held(nodes, plan, mesh, options);
  if (options.device != at::kCPU) return load_beside_device(nodes, plan, mesh, options);
  agree(nodes.world(), [&] { expect_files_here(plan, options.open); });
  StreamedComponent loaded = load_held(nodes, plan, mesh, options);
  agree(nodes.world(), [&] {
    loaded.offloaded =
        std::make_shared<WeightsInFiles>(plan, mesh, nodes.world().rank(), options.open, loaded.digests);
  });
  return loaded;
}

}  // namespace ditmill::dist
