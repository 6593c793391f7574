#include "slurm/foreground.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iostream>

#include "configs/error.h"
#include "slurm/process.h"

namespace ditmill::slurm {
namespace {

constexpr std::array<int, 4> passed_on{SIGTERM, SIGINT, SIGHUP, SIGUSR2};

}  // namespace

Foreground::Foreground() {
  sigemptyset(&set_);
  sigaddset(&set_, SIGCHLD);
  for (const int signal : passed_on) sigaddset(&set_, signal);
  ::sigprocmask(SIG_BLOCK, &set_, &before_);
}

Foreground::~Foreground() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

bool Foreground::told() const {
  sigset_t come{};
  ::sigpending(&come);
  return std::ranges::any_of(passed_on, [&come](int signal) { return sigismember(&come, signal) == 1; });
}

int Foreground::next() const {
  int signal = 0;
  while (::sigwait(&set_, &signal) != 0) {
  }
  return signal;
}

pid_t Foreground::start(const std::vector<std::string>& words, const std::string& hint) const {
  const std::vector<char*> arguments = exec_words(words);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw system_error(errno, "start " + words.front(), {});
  if (child > 0) return child;
  // A group of its own, so that ctrl-C reaches it once, by way of this process; and never longer than this
  // one.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
  ::execvp(arguments.front(), arguments.data());
  std::cerr << "ditmill: start " << words.front() << ": " << std::strerror(errno) << " (" << hint << ")\n";
  ::_exit(127);
}

Foreground::Ended Foreground::run(const std::vector<std::string>& words, const std::string& hint) const {
  Ended ended;
  const pid_t child = start(words, hint);
  for (;;) {
    const int signal = next();
    if (signal != SIGCHLD) {
      ended.told = true;
      ::kill(child, signal == SIGUSR2 ? SIGUSR2 : SIGTERM);
      continue;
    }
    const pid_t found = ::waitpid(child, &ended.status, WNOHANG);
    if (found == child && (WIFEXITED(ended.status) || WIFSIGNALED(ended.status))) return ended;
  }
}

}  // namespace ditmill::slurm
