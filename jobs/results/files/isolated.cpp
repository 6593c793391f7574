#include "jobs/results/files/isolated.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "registry/byte_source.h"
#include "slurm/process.h"

namespace ditmill::jobs::results {
namespace {

constexpr unsigned most_seconds = 600;

[[noreturn]] void work_and_exit(const std::function<nlohmann::json()>& work, int pipe_end) {
  ::alarm(most_seconds);
  int code = 1;
  try {
    const std::string text = work().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    std::size_t written = 0;
    while (written < text.size()) {
      const ssize_t count = ::write(pipe_end, text.data() + written, text.size() - written);
      if (count < 0 && errno != EINTR) break;
      if (count > 0) written += static_cast<std::size_t>(count);
    }
    if (written == text.size()) code = 0;
  } catch (...) {
    code = 1;
  }
  ::_exit(code);
}

std::string read_all(int fd) {
  std::string text;
  char buffer[1 << 14];
  while (true) {
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count == 0) return text;
    if (count > 0) {
      text.append(buffer, static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      throw system_error(errno, "read what a child process found");
    }
  }
}

}  // namespace

std::optional<nlohmann::json> isolated(const std::function<nlohmann::json()>& work, std::string& how) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error(errno, "make a pipe");
  registry::UniqueFd read_end(ends[0]);
  registry::UniqueFd write_end(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) throw system_error(errno, "start a child process");
  if (child == 0) work_and_exit(work, write_end.get());
  write_end.reset();
  const std::string text = read_all(read_end.get());
  const int status = slurm::wait_for_end(child);
  if (WIFSIGNALED(status)) {
    how = WTERMSIG(status) == SIGALRM
              ? "libhdf5 did not come to an end with it in ten minutes"
              : std::string("libhdf5 crashes with it: ") + ::strsignal(WTERMSIG(status));
    return std::nullopt;
  }
  nlohmann::json result = nlohmann::json::parse(text, nullptr, false);
  if (WEXITSTATUS(status) == 0 && !result.is_discarded()) return result;
  how = "it cannot be examined: exit code " + std::to_string(WEXITSTATUS(status));
  return std::nullopt;
}

}  // namespace ditmill::jobs::results
