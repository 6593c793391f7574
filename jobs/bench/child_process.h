#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace ditmill::jobs::bench {

/// A program that answers lines: ours go to its standard input, its standard output comes back; its standard
/// error is ours.
class ChildProcess {
 public:
  /// The program is looked for on the PATH. `environment`: NAME=value, over this process's. Throws Error(io).
  ChildProcess(const std::vector<std::string>& words, const std::vector<std::string>& environment);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();  ///< closes its standard input and waits for it to end

  /// Gives it a line; false if it reads no more.
  bool write_line(const std::string& line) noexcept;
  /// Its next line; none if it has ended.
  std::optional<std::string> read_line();

 private:
  pid_t pid_ = -1;
  int to_ = -1;
  int from_ = -1;
  std::string read_;
};

}  // namespace ditmill::jobs::bench
