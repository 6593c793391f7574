#include "jobs/plan/pilot/epoch_start.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>

#include "jobs/results/files/durable.h"
#include "jobs/results/files/epoch_owner.h"

namespace ditmill::jobs::plan {
namespace {

double now(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double birth_of(const std::string& path) {
  struct statx status {};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_BTIME, &status) != 0 || (status.stx_mask & STATX_BTIME) == 0) {
    return 0;
  }
  return static_cast<double>(status.stx_btime.tv_sec) + status.stx_btime.tv_nsec / 1e9;
}

}  // namespace

double epoch_start(const results::RunDirectory& run, int epoch) {
  const std::string path = run.epoch(epoch);
  const results::EpochOwner owner = results::owner_from_text(results::durable::read_file(path));
  const bool since_this_boot =
      owner.pid_start > 0 && !owner.boot_id.empty() && owner.boot_id == results::this_process({}).boot_id;
  if (!since_this_boot) return birth_of(path);
  const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  return now(CLOCK_REALTIME) - (now(CLOCK_BOOTTIME) - static_cast<double>(owner.pid_start) / ticks);
}

}  // namespace ditmill::jobs::plan
