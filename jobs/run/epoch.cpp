#include "jobs/run/epoch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/files/epoch_owner.h"
#include "jobs/results/store/recover.h"

namespace ditmill::jobs::run {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

milliseconds mtime_of(const results::durable::File& file) {
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0) {
    throw system_error(errno, "look at a heartbeat", Where{.file = file.path()});
  }
  return milliseconds(status.st_mtim.tv_sec * 1000LL + status.st_mtim.tv_nsec / 1'000'000);
}

/// Now by the clock that stamps files of this folder: another host's, on a network file system. This host's,
/// where nothing may be written.
milliseconds file_system_now(const results::RunDirectory& run) {
  const std::string path =
      run.epochs() + "/now-" + std::to_string(::getpid()) + std::string(results::durable::temp_suffix);
  std::optional<results::durable::File> created;
  try {
    created = results::durable::File::open(path, O_WRONLY | O_CREAT | O_TRUNC);
  } catch (const Error&) {
    return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  }
  const results::durable::File& probe = *created;
  ::unlink(path.c_str());
  if (::futimens(probe.fd(), nullptr) != 0) throw system_error(errno, "touch a file", Where{.file = path});
  return mtime_of(probe);
}

/// How an epoch's owner was found.
struct Sign {
  results::EpochOwner owner;
  milliseconds age{};  ///< of its heartbeat
};

/// The owner of an epoch, if it may be alive.
std::optional<Sign> sign_of_life(const results::RunDirectory& run, int epoch, const results::EpochOwner& self,
                                 const EpochLimits& limits) {
  const std::string path = run.epoch(epoch);
  // Opened anew each time: that makes a network file system ask its server for the mtime.
  const results::durable::File file = results::durable::File::open(path, O_RDONLY);
  Sign sign{.owner = results::owner_from_text(results::durable::read_file(path))};
  const milliseconds beat = mtime_of(file);
  if (beat == milliseconds{} || results::has_ended(sign.owner, self)) return std::nullopt;
  sign.age = file_system_now(run) - beat;
  if (sign.age >= limits.stale) return std::nullopt;
  return sign;
}

/// Waits until the owner of an epoch is gone; throws after limits.give_up.
void wait_for_end_of(const results::RunDirectory& run, int epoch, const results::EpochOwner& self,
                     const EpochLimits& limits) {
  const auto give_up = SteadyClock::now() + limits.give_up;
  while (true) {
    const std::optional<Sign> sign = sign_of_life(run, epoch, self, limits);
    if (!sign) return;
    if (SteadyClock::now() >= give_up) {
      throw Error(Category::io, "take over a run directory", Where{.file = run.epoch(epoch)},
                  Expected{"its owner to have ended"},
                  Got{describe(sign->owner) + " alive " +
                      std::to_string(std::max<long long>(sign->age.count(), 0)) + " ms ago"},
                  "stop that run first, or choose another run directory");
    }
    std::this_thread::sleep_for(limits.poll);
  }
}

/// Makes the heartbeat that of an owner long gone, so that the next start need not wait.
void release(const results::durable::File& file) {
  const timespec long_ago[2] = {};
  [[maybe_unused]] const int ignored = ::futimens(file.fd(), long_ago);
}

/// Creates the epoch's file; false if somebody else was quicker.
bool claim(const results::RunDirectory& run, int epoch, const results::EpochOwner& self) {
  const auto file = results::durable::File::create(run.epoch(epoch));
  if (!file) return false;
  try {
    file->write(to_text(self));
    file->sync();
    results::durable::sync_folder(run.epochs());
  } catch (const Error&) {
    release(*file);  // it may not say whose it is: the next start would wait for its heartbeat to go stale
    throw;
  }
  return true;
}

void beat(const std::stop_token& stop, const results::durable::File& file, milliseconds interval) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  while (!wake.wait_for(lock, stop, interval, [&stop] { return stop.stop_requested(); })) {
    // A heartbeat that fails is not an end: if another run takes over for it, the writers see its epoch.
    [[maybe_unused]] const int ignored = ::futimens(file.fd(), nullptr);
  }
  release(file);
}

}  // namespace

Epoch::Epoch(results::RunDirectory run, const slurm::Allocation& allocation, EpochLimits limits)
    : run_(std::move(run)) {
  run_.create();
  const results::EpochOwner self = results::this_process(allocation);
  do {
    const int newest = results::newest_epoch(run_);
    if (newest > 0) wait_for_end_of(run_, newest, self, limits);
    number_ = newest + 1;
  } while (!claim(run_, number_, self));
  heartbeat_ = std::jthread(
      [interval = limits.beat](const std::stop_token& stop, const results::durable::File& file) {
        beat(stop, file, interval);
      },
      results::durable::File::open(run_.epoch(number_), O_WRONLY));
  reclaimed_ = results::remove_leftovers(run_, number_);
}

Epoch::~Epoch() = default;

std::optional<std::string> live_owner(const results::RunDirectory& run, const slurm::Allocation& allocation,
                                      EpochLimits limits) {
  const int newest = results::newest_epoch(run);
  if (newest == 0) return std::nullopt;
  const std::optional<Sign> sign = sign_of_life(run, newest, results::this_process(allocation), limits);
  if (!sign) return std::nullopt;
  return describe(sign->owner);
}

}  // namespace ditmill::jobs::run
