#include "jobs/run/epoch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <system_error>

#include "configs/error.h"
#include "jobs/run/epoch_owner.h"
#include "jobs/store/durable.h"
#include "jobs/store/recover.h"

namespace ditmill::jobs {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

/// NNNN of NNNN.json; none for another name.
std::optional<int> epoch_number(const std::string& file_name) {
  int number = 0;
  const auto [end, error] = std::from_chars(file_name.data(), file_name.data() + file_name.size(), number);
  if (error != std::errc() || number <= 0) return std::nullopt;
  if (std::string_view(end, file_name.data() + file_name.size()) != ".json") return std::nullopt;
  return number;
}

milliseconds mtime_of(const durable::File& file) {
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0) {
    throw system_error(errno, "look at a heartbeat", Where{.file = file.path()});
  }
  return milliseconds(status.st_mtim.tv_sec * 1000LL + status.st_mtim.tv_nsec / 1'000'000);
}

/// Now by the clock that stamps files of this folder: another host's, on a network file system. This host's,
/// where nothing may be written.
milliseconds file_system_now(const RunDirectory& run) {
  const std::string path =
      run.epochs() + "/now-" + std::to_string(::getpid()) + std::string(durable::temp_suffix);
  std::optional<durable::File> created;
  try {
    created = durable::File::open(path, O_WRONLY | O_CREAT | O_TRUNC);
  } catch (const Error&) {
    return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  }
  const durable::File& probe = *created;
  ::unlink(path.c_str());
  if (::futimens(probe.fd(), nullptr) != 0) throw system_error(errno, "touch a file", Where{.file = path});
  return mtime_of(probe);
}

/// How an epoch's owner was found.
struct Sign {
  EpochOwner owner;
  milliseconds age{};  ///< of its heartbeat
};

/// The owner of an epoch, if it may be alive.
std::optional<Sign> sign_of_life(const RunDirectory& run, int epoch, const EpochOwner& self,
                                 const EpochLimits& limits) {
  const std::string path = run.epoch(epoch);
  // Opened anew each time: that makes a network file system ask its server for the mtime.
  const durable::File file = durable::File::open(path, O_RDONLY);
  Sign sign{.owner = owner_from_text(durable::read_file(path))};
  const milliseconds beat = mtime_of(file);
  if (beat == milliseconds{} || has_ended(sign.owner, self)) return std::nullopt;
  sign.age = file_system_now(run) - beat;
  if (sign.age >= limits.stale) return std::nullopt;
  return sign;
}

/// Waits until the owner of an epoch is gone; throws after limits.give_up.
void wait_for_end_of(const RunDirectory& run, int epoch, const EpochOwner& self, const EpochLimits& limits) {
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
void release(const durable::File& file) {
  const timespec long_ago[2] = {};
  [[maybe_unused]] const int ignored = ::futimens(file.fd(), long_ago);
}

/// Creates the epoch's file; false if somebody else was quicker.
bool claim(const RunDirectory& run, int epoch, const EpochOwner& self) {
  const auto file = durable::File::create(run.epoch(epoch));
  if (!file) return false;
  try {
    file->write(to_text(self));
    file->sync();
    durable::sync_folder(run.epochs());
  } catch (const Error&) {
    release(*file);  // it may not say whose it is: the next start would wait for its heartbeat to go stale
    throw;
  }
  return true;
}

void beat(const std::stop_token& stop, const durable::File& file, milliseconds interval) {
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

Epoch::Epoch(RunDirectory run, const slurm::Allocation& allocation, EpochLimits limits)
    : run_(std::move(run)) {
  run_.create();
  const EpochOwner self = this_process(allocation);
  do {
    const int newest = newest_epoch(run_);
    if (newest > 0) wait_for_end_of(run_, newest, self, limits);
    number_ = newest + 1;
  } while (!claim(run_, number_, self));
  heartbeat_ =
      std::jthread([interval = limits.beat](const std::stop_token& stop,
                                            const durable::File& file) { beat(stop, file, interval); },
                   durable::File::open(run_.epoch(number_), O_WRONLY));
  reclaimed_ = remove_leftovers(run_, number_);
}

Epoch::~Epoch() = default;

std::optional<std::string> live_owner(const RunDirectory& run, const slurm::Allocation& allocation,
                                      EpochLimits limits) {
  const int newest = newest_epoch(run);
  if (newest == 0) return std::nullopt;
  const std::optional<Sign> sign = sign_of_life(run, newest, this_process(allocation), limits);
  if (!sign) return std::nullopt;
  return describe(sign->owner);
}

int newest_epoch(const RunDirectory& run) {
  int newest = 0;
  std::error_code error;
  for (fs::directory_iterator at(run.epochs(), error), end; !error && at != end; at.increment(error)) {
    newest = std::max(newest, epoch_number(at->path().filename().string()).value_or(0));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw system_error(error.value(), "list the epochs", Where{.file = run.epochs()});
  }
  return newest;
}

bool superseded(const RunDirectory& run, int number) { return newest_epoch(run) > number; }

Error taken_over(const RunDirectory& run, int number, const std::string& doing) {
  const int newest = newest_epoch(run);
  std::string owner = "an unknown process";
  try {
    owner = describe(owner_from_text(durable::read_file(run.epoch(newest))));
  } catch (const Error&) {
    // Its number says enough.
  }
  return {Category::io,
          doing + ": another run has taken over",
          Where{.file = run.path()},
          Expected{"epoch " + std::to_string(number)},
          Got{"epoch " + std::to_string(newest) + " of " + owner},
          "this run stops; what it acknowledged is kept, the rest is done again by the other"};
}

}  // namespace ditmill::jobs
