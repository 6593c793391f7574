#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <ostream>

#include "jobs/cli/front.h"
#include "jobs/cli/results/index.h"
#include "jobs/cli/results/ls.h"
#include "jobs/cli/results/merge.h"
#include "jobs/cli/results/show.h"
#include "jobs/cli/results/verify.h"
#include "jobs/cli/terminal_progress.h"
#include "jobs/results/export/name_template.h"
#include "jobs/run/clips/export.h"
#include "slurm/allocation.h"

namespace ditmill::jobs::cli {
namespace {

void add_run(CLI::App& command, std::string& run) {
  command.add_option("run", run, "A run directory")->required();
}

void add_ls(CLI::App& results, Front& front) {
  const auto run = std::make_shared<std::string>();
  add_run(front.add(results, "ls", "Every item of a run and what became of it", true,
                    [&front, run](std::ostream& out) { return say(out, results_ls(*run, front.json, out)); }),
          *run);
}

void add_show(CLI::App& results, Front& front) {
  const auto run = std::make_shared<std::string>();
  const auto id = std::make_shared<std::string>();
  CLI::App& show = front.add(
      results, "show", "What the store keeps of one item", true,
      [&front, run, id](std::ostream& out) { return say(out, results_show(*run, *id, front.json)); });
  add_run(show, *run);
  show.add_option("id", *id, "An item")->required();
}

void add_export(CLI::App& results, Front& front) {
  const auto options = std::make_shared<run::ExportOptions>();
  run::ExportOptions& exports = *options;
  CLI::App* export_command =
      &front.add(results, "export", "Write pictures, videos or a training set of finished items", false,
                 [options](std::ostream& out) { return say(out, run::results_export(*options)); });
  export_command->add_option("run", exports.run_directory, "A run directory")->required();
  export_command->add_option("--png", exports.png_folder, "Every frame, as DIR/<name>/frame_0000.png")
      ->type_name("DIR");
  export_command->add_option("--contact-sheet", exports.contact_sheet, "One picture of many items")
      ->type_name("FILE");
  export_command->add_option("--mp4", exports.mp4_folder, "A video an item, as DIR/<name>.mp4")
      ->type_name("DIR");
  export_command
      ->add_option("--name", exports.name,
                   "Names for --mp4 and --png, with fields in braces, {FIELD:.N} cut to N characters, as "
                   "'{prompt}-{sample}' or '{id}-{seed}-{prompt:.40}'; default '{id}'. Fields: " +
                       std::string{results::name_fields})
      ->type_name("TEMPLATE");
  export_command
      ->add_option(
          "--h5", exports.h5_file,
          "One HDF5 file with the frames and all else that is stored, without links: it can be copied "
          "alone")
      ->type_name("FILE");
  export_command->add_option("--crf", exports.crf, "Encode videos from frames, 0 (best) to 51; default 18")
      ->type_name("N");
  export_command
      ->add_option("--pix-fmt", exports.pix_fmt,
                   "Encode videos from frames, as yuv420p (default), yuv422p or yuv444p")
      ->type_name("NAME");
  export_command->add_option("--items", exports.items, "Only these items")->delimiter(',')->type_name("IDS");
  export_command
      ->add_option("--webdataset", exports.webdataset_folder,
                   "Samples in shards DIR/000000.tar, with DIR/metadata.jsonl")
      ->type_name("DIR");
  export_command->add_option("--shard", exports.shard_bytes, "The most bytes of a shard; default 1GB")
      ->transform(CLI::AsSizeValue(true))
      ->type_name("SIZE");
  export_command
      ->add_option("--frames", exports.sample_frames,
                   "What samples hold: npy or mp4; default: the stored video, else the frames as npy")
      ->transform(CLI::CheckedTransformer(std::map<std::string, run::SampleFrames>{
          {"npy", run::SampleFrames::npy}, {"mp4", run::SampleFrames::mp4}}));
}

void add_verify(CLI::App& results, Front& front) {
  const auto run = std::make_shared<std::string>();
  const auto verify = [&front, run](std::ostream& out) {
    results::ResultsOutput found;
    {
      TerminalProgress progress;
      found = results_verify(*run, front.json, slurm::read_allocation(),
                             [&](const run::VerifyProgress& at) { progress.show(describe(at)); });
    }
    return say(out, found);
  };
  add_run(front.add(results, "verify", "Read every byte of a run, and say what is damaged or missing", true,
                    verify),
          *run);
}

void add_index(CLI::App& results, Front& front) {
  const auto run = std::make_shared<std::string>();
  CLI::App& index =
      front.add(results, "index", "The index of a run, results.h5", true, [&front, run](std::ostream& out) {
        return say(out, results_index(*run, front.json, slurm::read_allocation()));
      });
  add_run(index, *run);
  index
      .add_flag_function(
          "--rebuild", [](std::int64_t) {}, "Write it anew, from journals and config.json")
      ->required();
}

void add_merge(CLI::App& results, Front& front) {
  const auto merge = std::make_shared<run::MergeOptions>();
  CLI::App& command =
      front.add(results, "merge", "Make one run directory of the shards of a job", true,
                [&front, merge](std::ostream& out) {
                  return say(out, results_merge(*merge, front.json, slurm::read_allocation()));
                });
  command.add_option("runs", merge->runs, "Run directories, in the order of their items")->required();
  command.remove_option(command.get_option("--out"));  // here it names what is made
  command.add_option("--out", merge->out, "The merged run directory, which must not exist")
      ->required()
      ->type_name("DIR");
  command.add_flag("--copy", merge->copy, "Copy parts also where they could be hard-linked");
}

}  // namespace

CLI::App& add_results(CLI::App& app, Front& front) {
  CLI::App& results = Front::add_room(app, "results", "What a run has stored");
  add_ls(results, front);
  add_show(results, front);
  add_export(results, front);
  add_verify(results, front);
  add_index(results, front);
  add_merge(results, front);
  return results;
}

}  // namespace ditmill::jobs::cli
