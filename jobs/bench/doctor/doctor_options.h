#pragma once

#include <string>

namespace ditmill::jobs::bench {

/// What the command line of `doctor` says.
struct DoctorOptions {
  std::string folder = ".";  ///< --dir: whose file system is measured
  int seconds = 30;          ///< --seconds: what a look may take, about
  int min_gpus = 0;          ///< --min-gpus
  bool json = false;
  std::string out;  ///< --out FILE
};

}  // namespace ditmill::jobs::bench
