#include "slurm/command.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <thread>

#include "configs/error.h"
#include "slurm/environment.h"
#include "slurm/process.h"

namespace ditmill::slurm {
namespace {

/// A file without a name: a stream of a child that needs no reader while the child runs.
class Stream {
 public:
  explicit Stream(const char* name) : fd_(::memfd_create(name, MFD_CLOEXEC)) {
    if (fd_ < 0) throw system_error(errno, "start a command of Slurm's");
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { ::close(fd_); }

  int fd() const noexcept { return fd_; }

  void fill(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t written = ::write(fd_, text.data(), text.size());
      if (written < 0) throw system_error(errno, "start a command of Slurm's");
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    ::lseek(fd_, 0, SEEK_SET);
  }

  std::string all() const {
    std::string text;
    std::array<char, 4096> piece{};
    ::lseek(fd_, 0, SEEK_SET);
    for (;;) {
      const ssize_t got = ::read(fd_, piece.data(), piece.size());
      if (got <= 0) return text;
      text.append(piece.data(), static_cast<std::size_t>(got));
    }
  }

 private:
  int fd_;
};

constexpr int not_started = 127;
constexpr std::chrono::milliseconds most_pause{20};

/// Waits for the child's end; its status, of waitpid().
int await(pid_t child, std::optional<std::chrono::milliseconds> patience) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point began = Clock::now();
  int status = 0;
  for (auto pause = std::chrono::milliseconds{1}; patience; pause = std::min(pause * 2, most_pause)) {
    if (::waitpid(child, &status, WNOHANG) == child) return status;
    if (Clock::now() - began >= *patience) break;
    std::this_thread::sleep_for(pause);
  }
  if (patience) ::kill(child, SIGKILL);
  return wait_for_end(child);
}

bool reached_controller(const std::string& said) {
  for (const char* words :
       {"contact slurm controller", "timed out", "onnect", "resolve", "Zero Bytes", "standby"}) {
    if (said.find(words) != std::string::npos) return false;
  }
  return true;
}

}  // namespace

Ran run_command(const std::vector<std::string>& words, const std::string& input,
                std::optional<std::chrono::milliseconds> patience) {
  const Stream in{"in"};
  const Stream out{"out"};
  const Stream err{"err"};
  in.fill(input);
  std::vector<char*> arguments = exec_words(words);
  const std::vector<std::string> environment = command_environment(own_environment(), words.front());
  std::vector<char*> variables = exec_words(environment);
  const pid_t child = ::fork();
  if (child < 0) throw system_error(errno, "start " + words.front());
  if (child == 0) {
    ::dup2(in.fd(), STDIN_FILENO);
    ::dup2(out.fd(), STDOUT_FILENO);
    ::dup2(err.fd(), STDERR_FILENO);
    ::execvpe(arguments.front(), arguments.data(), variables.data());
    ::_exit(not_started);
  }
  Ran ran{.status = exit_code_of(await(child, patience)), .out = out.all(), .err = err.all()};
  if (ran.status == not_started) {
    throw Error{
        Category::io,
        "start " + words.front(),
        {},
        Expected{"Slurm's commands on the PATH"},
        Got{"none of that name"},
        "run it on a login node of the cluster, where they are; `submit --print-script` needs no Slurm"};
  }
  return ran;
}

Ran insist(const std::vector<std::string>& words, const std::string& input) {
  Ran ran = run_command(words, input);
  if (ran.status == 0) return ran;
  while (ran.err.ends_with('\n')) ran.err.pop_back();
  for (std::size_t at = 0; (at = ran.err.find('\n', at)) != std::string::npos;) ran.err.replace(at, 1, "; ");
  throw Error{reached_controller(ran.err) ? Category::usage : Category::io,
              "run " + words.front(),
              {},
              {},
              Got{"exit code " + std::to_string(ran.status) + ": " + printable(ran.err, 1000)}};
}

}  // namespace ditmill::slurm
