#pragma once

#include <ostream>
#include <string>

#include "registry/tools/synth.h"

namespace ditmill::jobs::cli {

/// What the command line of `weights synth` says.
struct WeightsSynthOptions {
  registry::SynthRequest request;
  std::string scale = "tiny";  ///< or full
  std::string catalog;         ///< as model.catalog; empty: none
  bool json = false;
};

/// Makes a model folder of random weights, and says what is in it. Returns 0. Throws Error as
/// registry::synthesize().
int weights_synth(const WeightsSynthOptions& options, std::ostream& out);

}  // namespace ditmill::jobs::cli
