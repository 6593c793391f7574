#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::dist {

/// What a rank last said of itself.
struct RankReport {
  int rank = -1;
  std::string host;
  std::uint64_t machine = 0;  ///< equal where pids mean the same: host, boot, pid namespace
  int pid = 0;
  unsigned long long pid_start = 0;
  std::string doing;
  std::int64_t since_ms = 0;  ///< of the Unix epoch: its last progress
  std::int64_t alive_ms = 0;  ///< of the Unix epoch: its last sign of life
  bool waits = false;         ///< for other ranks: no progress is expected of it
  bool leaves = false;        ///< its process ends of its own accord, or because it was told to
  int group = -1;             ///< its dp group; -1: it has none yet
  std::string items = {};     ///< ids of the items in hand, with commas between
  int signal = 0;             ///< the fatal signal that it met itself; 0: none
  std::int64_t died_ms =
      0;  ///< of the Unix epoch: when it met that, or another rank found it dead; 0: not known
};

/// "rank 2 (node7, pid 123)", or what is known of it.
std::string describe(const RankReport& report);
/// Whether the rank's process is gone although it did not leave. False for another machine's: unknown.
bool has_died(const RankReport& report, const RankReport& self);

/// What work tells of itself, "denoising item tabby, step 3 of 50": bound to RankState::set().
using Tell = std::function<void(std::string_view)>;

struct RankRecord;

/// What this rank is doing, for whoever asks when it is stuck, stopped or dead. Writing costs well under a
/// microsecond, never waits for a reader, and may be done from any thread. Once published it is a small
/// mapped file, which outlives the process: read_report() gives what was said last, whole, however the rank
/// ended.
class RankState {
 public:
  static constexpr std::size_t longest_text = 200;   ///< bytes; what is longer is cut, between characters
  static constexpr std::size_t longest_items = 528;  ///< bytes of ids in hand

  explicit RankState(int rank);
  RankState(const RankState&) = delete;
  RankState& operator=(const RankState&) = delete;
  /// Removes the file, and its folder and that one's parent if they are then empty.
  ~RankState();

  /// Does something new: progress.
  void set(std::string_view doing);
  /// Goes on with the same: progress.
  void step();
  /// Waits for other ranks, which the watchdog leaves alone.
  void wait(std::string_view what_for);
  /// Ends in order from now on, so that nobody takes this rank for dead.
  void leave() noexcept;
  /// Is alive, whatever it does: no progress.
  void beat() noexcept;
  /// Works in this dp group from now on.
  void join(int group) noexcept;
  /// Has these items in hand, of which one may be its death; none: it is between items. Ids beyond
  /// `longest_items` bytes are left out.
  void take(std::span<const std::string> ids);

  /// Makes FOLDER/HOST.r00003, and the folder, and says everything there from now on. Once. Throws Error(io,
  /// no_space); the state then stays in memory.
  void publish(const std::string& folder);
  /// Empty before publish().
  std::string folder() const;

  /// Dies by its own fault: of a signal, or (0) of an error that no other rank has met. Async-signal-safe.
  void die_of(int signal) noexcept;

  RankReport report() const;
  /// Changes with every progress.
  std::uint64_t version() const noexcept;

 private:
  void say(std::string_view doing, bool waits);

  mutable std::mutex writers_;
  std::unique_ptr<RankRecord> own_;
  std::atomic<RankRecord*> record_;  ///< own_, or the mapped one; changes under writers_
  std::string folder_;
  std::string file_;
};

/// What the file of a rank of `host` says; nothing if there is none, or it is no such file.
std::optional<RankReport> read_report(const std::string& folder, const std::string& host, int rank);
/// All of a host's ranks, by rank; of all hosts, if `host` is empty.
std::vector<RankReport> read_reports(const std::string& folder, const std::string& host = {});
/// Notes in the file of a rank of this machine that it was found dead now, unless that is noted already: for
/// the next start, which wants to know who died first. Does nothing if there is no such file.
void note_death(const std::string& folder, const RankReport& dead) noexcept;

}  // namespace ditmill::dist
