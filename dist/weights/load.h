#pragma once

#include <string>

#include "dist/mesh.h"
#include "dist/weights/load_options.h"
#include "dist/weights/nodes.h"
#include "dist/weights/stream.h"

namespace ditmill::dist {

/// A way to load, and why it was chosen.
struct StrategyChoice {
  configs::Strategy strategy = configs::Strategy::broadcast;
  std::string why;
  int readers = 0;  ///< LoadOptions::readers
};

/// The way to load a component: that of the options, if it can; for `automatic` by what ranks hold, where the
/// files are, what room there is to share and, for much that is cached nowhere, a probe of disks and links.
/// All ways give the same bytes. Collective.
StrategyChoice choose_strategy(const Nodes& nodes, const ComponentPlan& plan, const Mesh& mesh,
                               const LoadOptions& options);

/// Brings a component to every rank by the strategy of the options, `shared` without sharing where that
/// cannot be. What plan.offload has come and go waits in the files, or for layers on a device in the host's
/// memory. Bytes that are not the same on all ranks, or on all machines, are read once more, with all that
/// their tensors are made of, before that is an error. Collective; throws the agreed Error.
StreamedComponent load_component(const Nodes& nodes, const ComponentPlan& plan, const Mesh& mesh,
                                 const LoadOptions& options);

}  // namespace ditmill::dist
