#pragma once

#include <ostream>

#include "jobs/cli/weights_identify.h"

namespace ditmill::jobs::cli {

/// `weights identify --as diffusers`: what diffusers takes weights for, exactly. Returns the exit code: 0, 2
/// where only values would tell, 1 where diffusers ends with an exception or a file cannot be read (3:
/// because of the machine).
int weights_as_diffusers(const IdentifyOptions& options, std::ostream& out);

}  // namespace ditmill::jobs::cli
