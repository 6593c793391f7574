#include "jobs/bench/child_process.h"

#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "configs/error.h"
#include "slurm/process.h"

namespace ditmill::jobs::bench {
namespace {

/// An ended child makes a write fail with EPIPE instead of a signal, because these are sockets.
std::array<int, 2> make_pair(const std::string& program) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0) return ends;
  throw system_error(errno, "start " + program);
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& words,
                           const std::vector<std::string>& environment) {
  std::vector<std::string> settings = environment;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string setting = *each;
    const std::string name = setting.substr(0, setting.find('=') + 1);
    bool replaced = false;
    for (const std::string& ours : environment) replaced = replaced || ours.starts_with(name);
    if (!replaced) settings.push_back(setting);
  }
  const std::array<int, 2> in = make_pair(words.front());
  const std::array<int, 2> out = make_pair(words.front());
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[1], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  const int failure = posix_spawnp(&pid_, words.front().c_str(), &actions, nullptr,
                                   slurm::exec_words(words).data(), slurm::exec_words(settings).data());
  posix_spawn_file_actions_destroy(&actions);
  close(in[1]);
  close(out[1]);
  to_ = in[0];
  from_ = out[0];
  if (failure == 0) return;
  close(to_);
  close(from_);
  throw system_error(failure, "start " + words.front(), Where{.file = words.front()});
}

ChildProcess::~ChildProcess() {
  close(to_);
  slurm::wait_for_end(pid_);
  close(from_);
}

bool ChildProcess::write_line(const std::string& line) noexcept {
  const std::string text = line + "\n";
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = send(to_, text.data() + done, text.size() - done, MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) done += static_cast<std::size_t>(count);
  }
  return true;
}

std::optional<std::string> ChildProcess::read_line() {
  while (true) {
    const std::size_t end = read_.find('\n');
    if (end != std::string::npos) {
      std::string line = read_.substr(0, end);
      read_.erase(0, end + 1);
      return line;
    }
    std::array<char, 4096> buffer{};
    const ssize_t count = read(from_, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::nullopt;
    read_.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace ditmill::jobs::bench
