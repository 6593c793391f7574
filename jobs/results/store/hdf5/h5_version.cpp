#include "jobs/results/store/hdf5/h5_version.h"

#include <fmt/format.h>
#include <hdf5.h>

namespace ditmill::jobs::results::h5 {

std::string library_version() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("{}.{}.{}", major, minor, release);
}

}  // namespace ditmill::jobs::results::h5
