#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace ditmill::slurm {

/// Texts as exec() and posix_spawn() take them: pointers into them, and a null. The texts outlive them.
std::vector<char*> exec_words(const std::vector<std::string>& texts);
/// Waits for a child's end, whatever signals come meanwhile; its status, of waitpid().
int wait_for_end(pid_t child) noexcept;
/// The exit code of an ended child, as a shell has it: 128 + N for one that signal N ended.
int exit_code_of(int status) noexcept;

}  // namespace ditmill::slurm
