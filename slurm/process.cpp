#include "slurm/process.h"

#include <sys/wait.h>

#include <cerrno>

namespace ditmill::slurm {

std::vector<char*> exec_words(const std::vector<std::string>& texts) {
  std::vector<char*> words;
  // The system writes to none of them.
  for (const std::string& text : texts) words.push_back(const_cast<char*>(text.c_str()));
  words.push_back(nullptr);
  return words;
}

int wait_for_end(pid_t child) noexcept {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

int exit_code_of(int status) noexcept {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace ditmill::slurm
