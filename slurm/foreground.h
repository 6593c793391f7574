#pragma once

#include <sys/types.h>

#include <csignal>
#include <string>
#include <vector>

namespace ditmill::slurm {

/// While it lives, SIGTERM, SIGINT, SIGHUP, SIGUSR2 and SIGCHLD come to run() and to nobody else.
class Foreground {
 public:
  /// What became of a program.
  struct Ended {
    int status = 0;     ///< of waitpid()
    bool told = false;  ///< a signal was passed on
  };

  Foreground();
  Foreground(const Foreground&) = delete;
  Foreground& operator=(const Foreground&) = delete;
  ~Foreground();

  /// Whether one of the first four has come and was not passed on.
  bool told() const;
  /// Runs a program to its end, in a process group of its own: SIGUSR2 goes on to it as it is, the others as
  /// SIGTERM, and so does the death of this process. Where it cannot be started, says why with `hint`, and it
  /// has ended with 127. Throws Error(io) where the system has no room for it.
  Ended run(const std::vector<std::string>& words, const std::string& hint) const;

 private:
  pid_t start(const std::vector<std::string>& words, const std::string& hint) const;
  int next() const;

  sigset_t set_{};
  sigset_t before_{};
};

}  // namespace ditmill::slurm
