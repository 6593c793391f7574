#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace ditmill::jobs {

/// What the command line of `bench comm` says.
struct BenchCommOptions {
  std::uint64_t max_bytes = std::uint64_t{64} << 20;  ///< --max-bytes: the largest tensor
  int repeats = 7;                                    ///< --repeats
  std::string device = "auto";                        ///< --device, as `run` has it
  bool json = false;
  std::string out;  ///< --out FILE
};

/// The subcommands of `bench` and what each was told.
struct BenchOptions {
  enum class Chosen { none, comm };
  Chosen chosen = Chosen::none;
  BenchCommOptions comm;
};

/// Adds the group `bench`; both executables read the same command line. A subcommand is a struct of options,
/// a function here that adds it, and a file of the engine that does it.
void add_bench_options(CLI::App& app, BenchOptions& options);

}  // namespace ditmill::jobs
