#include "jobs/cli/options/bench_options.h"

#include <CLI/CLI.hpp>
#include <map>
#include <string>

namespace ditmill::jobs::cli {
namespace {

void add_output(CLI::App& command, bool& json, std::string& out) {
  command.add_flag("--json", json, "Results as JSON");
  command.add_option("--out", out, "Write results to a file instead of standard output")->type_name("FILE");
}

void add_device(CLI::App& command, std::string& device) {
  command.add_option("--device", device, "auto, cpu (MPI) or cuda (NCCL; one rank a GPU)")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->type_name("DEVICE")
      ->capture_default_str();
}

void add_common(CLI::App& command, std::string& device, bool& json, std::string& out) {
  add_device(command, device);
  add_output(command, json, out);
}

void add_comm(CLI::App& bench, bench::BenchOptions& options) {
  CLI::App* command = bench.add_subcommand(
      "comm",
      "Time what ranks exchange; under mpirun or srun --mpi=pmix, on the ranks and machines of the job");
  command->callback([&options] { options.chosen = bench::BenchOptions::Chosen::comm; });
  bench::BenchCommOptions& comm = options.comm;
  command->add_option("--max-bytes", comm.max_bytes, "The largest tensor; default 64MiB")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(std::uint64_t{8}, std::uint64_t{1} << 32))
      ->type_name("BYTES");
  command->add_option("--repeats", comm.repeats, "How often each is timed; medians are told")
      ->check(CLI::Range(1, 1000))
      ->type_name("N")
      ->capture_default_str();
  add_common(*command, comm.device, comm.json, comm.out);
}

void add_step(CLI::App& bench, bench::BenchOptions& options) {
  CLI::App* command = bench.add_subcommand(
      "step", "Time a denoising step of a transformer with random weights, on the ranks it is started with");
  command->callback([&options] { options.chosen = bench::BenchOptions::Chosen::step; });
  bench::BenchStepOptions& step = options.step;
  command->add_option("--model", step.model, "A transformer of the catalog (ditmill registry list)")
      ->type_name("NAME")
      ->capture_default_str();
  command->add_option("--catalog", step.catalog, "Further catalog entries")->type_name("FILE");
  command->add_option("--layers", step.layers, "So many of its blocks; default all")->type_name("N");
  const auto add_number = [command](const char* name, int& value, const char* what, int most) {
    command->add_option(name, value, what)->check(CLI::Range(1, most))->type_name("N")->capture_default_str();
  };
  add_number("--width", step.width, "Of the clip, in pixels", 16384);
  add_number("--height", step.height, "Of the clip, in pixels", 16384);
  add_number("--frames", step.frames, "Of the clip", 4096);
  add_number("--steps", step.steps, "Steps that are measured; with --peer, rounds", 1000);
  command->add_option("--dtype", step.dtype, "Of weights and activations")
      ->check(CLI::IsMember({"bfloat16", "float32"}))
      ->type_name("DTYPE")
      ->capture_default_str();
  command->add_option("--numerics", step.numerics, "How layers compute, as pipeline.numerics")
      ->check(CLI::IsMember({"reference", "fast"}))
      ->type_name("NUMERICS")
      ->capture_default_str();
  command
      ->add_option("--parallel", step.parallel,
                   "The layout, as pipeline.parallel of a manifest: '{cfg: 2, ulysses: 2}'")
      ->type_name("YAML")
      ->capture_default_str();
  command->add_option("--guidance", step.guidance, "guidance_scale; 1 or less: one forward pass a step")
      ->check(CLI::Range(0.0, 100.0))
      ->type_name("X")
      ->capture_default_str();
  command
      ->add_option("--peer", step.peer,
                   "On one rank: time the forward pass beside diffusers' (Python of $DITMILL_PYTHON)")
      ->check(CLI::IsMember({"diffusers"}))
      ->type_name("NAME");
  command->add_option("--threads", step.threads, "Threads a rank (default: allocated cores / local ranks)")
      ->check(CLI::Range(1, 65536))
      ->type_name("N");
  add_common(*command, step.device, step.json, step.out);
}

void add_load(CLI::App& bench, bench::BenchOptions& options) {
  CLI::App* command = bench.add_subcommand(
      "load",
      "Time how weights come to all ranks, each strategy in turns, beside what memory, disks and links give; "
      "under mpirun or srun --mpi=pmix");
  command->callback([&options] { options.chosen = bench::BenchOptions::Chosen::load; });
  add_load_options(*command, options.load);
  command->add_flag("--cold", options.load.cold,
                    "Drop the files from each machine's page cache before each load");
  add_output(*command, options.load.json, options.load.out);
}

void add_coordinator(CLI::App& bench, bench::BenchOptions& options) {
  CLI::App* command = bench.add_subcommand("coordinator",
                                           "Time a job of items that take no time, and the store; under "
                                           "mpirun or srun --mpi=pmix, on the ranks of the job");
  command->callback([&options] { options.chosen = bench::BenchOptions::Chosen::coordinator; });
  bench::BenchCoordinatorOptions& coordinator = options.coordinator;
  command->add_option("--items", coordinator.items, "Of 16x16x1 frames")
      ->check(CLI::Range(100, 20'000'000))
      ->type_name("N")
      ->capture_default_str();
  command
      ->add_option("--folder", coordinator.folder,
                   "Where results are written; default: the folder for temporary files")
      ->type_name("DIR");
  add_output(*command, coordinator.json, coordinator.out);
}

}  // namespace

void add_load_options(CLI::App& command, bench::BenchLoadOptions& load) {
  command.add_option("model", load.model, "A model folder, a component's folder, or a file")
      ->required()
      ->type_name("MODEL");
  command.add_option("--catalog", load.catalog, "Further catalog entries")->type_name("FILE");
  command.add_option("--component", load.component, "Only this one: transformer, text_encoder, vae, ...")
      ->type_name("NAME");
  command
      .add_option("--strategy", load.strategy,
                  "all, or some of independent, broadcast, striped, shared, with commas")
      ->type_name("NAMES")
      ->capture_default_str();
  const auto add_number = [&command](const char* name, int& value, const char* what, int least) {
    command.add_option(name, value, what)
        ->check(CLI::Range(least, 1000))
        ->type_name("N")
        ->capture_default_str();
  };
  add_number("--repeats", load.repeats, "Rounds of all strategies; medians are told", 1);
  add_number("--warmup", load.warmup, "Rounds before these", 0);
  command.add_option("--hash", load.hash, "on: every chunk is verified; off")
      ->transform(CLI::CheckedTransformer(std::map<std::string, bool>{{"on", true}, {"off", false}}))
      ->type_name("on|off");
  command.add_flag(
      "--peers", load.peers,
      "Also how FastVideo, fastsafetensors, Run:ai's streamer and safetensors do it, in the same turns "
      "(Python of $DITMILL_PYTHON)");
  command.add_option("--dtype", load.dtype, "Of the tensors; default: as a job has them")
      ->check(CLI::IsMember({"bfloat16", "float32"}))
      ->type_name("DTYPE");
  command
      .add_option("--parallel", load.parallel, "The layout, as pipeline.parallel of a manifest: '{tp: 4}'")
      ->type_name("YAML")
      ->capture_default_str();
  add_device(command, load.device);
}

CLI::App& add_bench_options(CLI::App& app, bench::BenchOptions& options) {
  CLI::App* bench = app.add_subcommand("bench", "Measure this machine");
  bench->require_subcommand(1);
  add_comm(*bench, options);
  add_step(*bench, options);
  add_load(*bench, options);
  add_coordinator(*bench, options);
  return *bench;
}

}  // namespace ditmill::jobs::cli
