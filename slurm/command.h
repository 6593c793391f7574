#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace ditmill::slurm {

/// What a command of Slurm's left behind.
struct Ran {
  int status = 0;  ///< its exit code; 128 + N: ended by signal N
  std::string out;
  std::string err;
};

/// Runs a command to its end, or kills it after `patience`, in the environment of command_environment().
/// Throws Error(io) where it cannot be started.
Ran run_command(const std::vector<std::string>& words, const std::string& input = {},
                std::optional<std::chrono::milliseconds> patience = {});
/// As run_command(); throws Error for a command that fails: io if the controller was not reached, else usage,
/// with what the command said.
Ran insist(const std::vector<std::string>& words, const std::string& input = {});

}  // namespace ditmill::slurm
