#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::tests::faults {

/// What a path below the root is: the first half of a point's name. `none`: not below the root.
enum class Kind : std::uint8_t {
  none,
  run_folder,
  manifest,
  requests,
  config,
  digests,
  outcome,
  index,
  epochs_folder,
  epoch,
  clock,
  journal_folder,
  journal,
  parts_folder,
  part_folder,
  part,
  spool_folder,
  spool,
  status_folder,
  status,
  logs_folder,
  loading_folder,
  loading,
  other,
  count
};

/// What is done to it: the second half.
enum class Call : std::uint8_t {
  open,
  create,
  write,
  fsync,
  rename,
  unlink,
  rmdir,
  close,
  truncate,
  touch,
  mkdir,
  count
};

enum class Action : std::uint8_t {
  kill_before,
  kill_after,
  kill_torn,
  stop_before,
  stop_after,
  shorten,
  fail
};

/// A fault that is due.
struct Fault {
  Action action;
  int error_number;  ///< of `fail`
};

/// A path of the root's names; a name that ends in .tmp is what it will be.
Kind kind_of(std::string_view path_below_root);
/// "part.rename".
std::string point_name(Kind kind, Call call);

/// What the environment asks for (README.md); one a process, made at its first call.
class FaultPlan {
 public:
  static FaultPlan& get();

  /// The kind of an absolute path.
  Kind kind_of_path(const std::string& path) const;
  /// Counts a call at a point, notes it in the log, and writes the fault that is due there, if any, to
  /// `fault`.
  bool is_due(Kind kind, Call call, Fault& fault);

 private:
  struct Rule {
    std::string pattern;  ///< a point, or "*.call", or "kind.*"
    std::uint64_t first = 0;
    bool onwards = false;
    double probability = 0;
    Fault fault{};
    std::atomic<std::uint64_t> calls = 0;
    bool matches(Kind kind, Call call) const;
  };

  FaultPlan();
  void add_rule(std::string_view text);
  bool draw(double probability);
  void note(const std::string& line) const;

  std::string root_;
  std::string log_;
  std::string rank_;
  std::vector<Rule*> rules_;  ///< never freed: a process may end while threads still write
  std::atomic<std::uint64_t> random_ = 0;
};

}  // namespace ditmill::tests::faults
