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
};

/// The way to load a component, by what ranks hold and where its files are: all ways give the same bytes.
/// Collective. Throws the agreed Error of a file that cannot be opened.
StrategyChoice choose_strategy(const Nodes& nodes, const ComponentPlan& plan, const LoadOptions& options);

/// Brings a component to every rank by the strategy of the options. Collective; throws the agreed Error, and
/// Error(unsupported) for a strategy that cannot load this component.
StreamedComponent load_component(const Nodes& nodes, const ComponentPlan& plan, const Mesh& mesh,
                                 const LoadOptions& options);

}  // namespace ditmill::dist
