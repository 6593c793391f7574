#pragma once

#include "dist/mesh.h"
#include "dist/weights/load_options.h"
#include "dist/weights/nodes.h"
#include "dist/weights/stream.h"

namespace ditmill::dist {

/// Brings a component to every rank with each machine reading for itself. A chunk (registry::leaf_bytes) is
/// digested once a machine, its ranks sharing the work; all machines' digests are held against those of the
/// first. Chunks that differ are read once more on all machines, with those that their tensors are made of.
/// Collective; throws the same Error on every rank, naming file, offset, tensor and rank.
///
/// independent: each rank reads what it needs, and makes its own tensors.
/// shared: of ranks of a machine that hold the same, each makes a part of the tensors in memory that they
/// share; where a whole tensor lies in a mapped file as the layers want it (type, alignment), it stays there.
StreamedComponent load_on_nodes(const Nodes& nodes, const ComponentPlan& plan, const Mesh& mesh,
                                const LoadOptions& options);

}  // namespace ditmill::dist
