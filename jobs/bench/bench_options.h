#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ditmill::jobs::bench {

/// What the command line of `bench comm` says.
struct BenchCommOptions {
  std::uint64_t max_bytes = std::uint64_t{64} << 20;  ///< --max-bytes: the largest tensor
  int repeats = 7;                                    ///< --repeats
  std::string device = "auto";                        ///< --device, as `run` has it
  bool json = false;
  std::string out;  ///< --out FILE
};

/// What the command line of `bench step` says.
struct BenchStepOptions {
  std::string model = "wan2.1-t2v-1.3b";  ///< --model: a transformer of the catalog
  std::string catalog;                    ///< --catalog FILE
  std::optional<std::int64_t> layers;     ///< --layers: none: all that the model has
  int width = 832;                        ///< --width, --height, --frames
  int height = 480;
  int frames = 81;
  std::string dtype = "bfloat16";      ///< --dtype
  std::string numerics = "reference";  ///< --numerics
  std::string parallel = "{}";         ///< --parallel: as `pipeline.parallel` of a manifest
  double guidance = 5;                 ///< --guidance
  int steps = 3;                       ///< --steps that are measured, or rounds beside a peer
  std::string peer;                    ///< --peer: diffusers, or empty
  std::string device = "auto";         ///< --device, as `run` has it
  int threads = 0;                     ///< --threads; 0: each rank's own default
  bool json = false;
  std::string out;  ///< --out FILE
};

/// What the command line of `bench load` says.
struct BenchLoadOptions {
  std::string model;             ///< a model folder, a component's, or a file
  std::string catalog;           ///< --catalog FILE
  std::string component;         ///< --component NAME; empty: all
  std::string strategy = "all";  ///< --strategy: all, or names with commas
  std::string dtype;             ///< --dtype; empty: as a job without a word of it
  std::string parallel = "{}";   ///< --parallel: as `pipeline.parallel` of a manifest
  std::string device = "auto";   ///< --device, as `run` has it
  int repeats = 5;               ///< --repeats
  int warmup = 1;                ///< --warmup
  bool cold = false;             ///< --cold
  bool hash = true;              ///< --hash on, off
  bool peers = false;            ///< --peers
  bool json = false;
  std::string out;  ///< --out FILE
};

/// What the command line of `bench coordinator` says.
struct BenchCoordinatorOptions {
  int items = 1'000'000;  ///< --items
  std::string folder;     ///< --folder: where its run directories are; empty: the folder for temporary files
  bool json = false;
  std::string out;  ///< --out FILE
};

/// The subcommands of `bench` and what each was told.
struct BenchOptions {
  enum class Chosen { none, comm, step, load, coordinator };
  Chosen chosen = Chosen::none;
  BenchCommOptions comm;
  BenchStepOptions step;
  BenchLoadOptions load;
  BenchCoordinatorOptions coordinator;
};

}  // namespace ditmill::jobs::bench
