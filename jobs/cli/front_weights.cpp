#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <limits>
#include <memory>

#include "jobs/cli/front.h"
#include "jobs/cli/weights_convert.h"
#include "jobs/cli/weights_diff.h"
#include "jobs/cli/weights_digest.h"
#include "jobs/cli/weights_identify.h"
#include "jobs/cli/weights_load.h"
#include "jobs/cli/weights_synth.h"
#include "jobs/cli/weights_view.h"

namespace ditmill::jobs::cli {
namespace {

constexpr const char* what_paths_are = "Files, indices, component folders, model folders or patterns";

void add_identify(CLI::App& weights, Front& front) {
  const auto options = std::make_shared<IdentifyOptions>();
  CLI::App& identify = front.add(weights, "identify", "Say what weight files are, from their headers", true,
                                 [&front, options](std::ostream& out) {
                                   options->json = front.json;
                                   return weights_identify(*options, out);
                                 });
  identify.add_option("paths", options->paths, what_paths_are)->required();
  identify.add_option("--catalog", options->catalog, "Further entries, as model.catalog")->type_name("FILE");
  identify.add_option("--as", options->as, "Say what this program takes them for, right or wrong")
      ->check(CLI::IsMember({"diffusers"}));
}

void add_view(CLI::App& weights, Front& front) {
  const auto options = std::make_shared<WeightsViewOptions>();
  const auto no_merge = std::make_shared<bool>(false);
  CLI::App& command =
      front.add(weights, "view", "Show parameters, hashes and the tree of tensors, from headers", true,
                [&front, options, no_merge](std::ostream& out) {
                  options->json = front.json;
                  options->view.tree.merge = !*no_merge;
                  options->view.bars = front.out.empty() && ::isatty(STDOUT_FILENO) == 1;
                  return weights_view(*options, out, std::cerr);
                });
  command.add_option("paths", options->paths, what_paths_are)->required();
  CLI::Option* depth = command.add_option("--max-depth", options->view.tree.depth, "Levels of the tree")
                           ->check(CLI::PositiveNumber)
                           ->capture_default_str()
                           ->type_name("N");
  command
      .add_flag_callback(
          "--show-all", [options] { options->view.tree.depth = std::numeric_limits<std::size_t>::max(); },
          "All levels of the tree")
      ->excludes(depth);
  command.add_flag("--no-merge", *no_merge,
                   "Every sibling, also where all of one structure could be one line");
  command.add_flag("--quiet", options->view.quiet, "Parameters, hashes and files only");
  command.add_option("--export", options->export_file, "Write all of the tree in TeleFuser's JSON schema")
      ->type_name("FILE");
}

void add_diff(CLI::App& weights, Front& front) {
  const auto options = std::make_shared<WeightsDiffOptions>();
  CLI::App& command = front.add(weights, "diff", "Compare names, shapes, dtypes and values; 2: they differ",
                                true, [&front, options](std::ostream& out) {
                                  options->json = front.json;
                                  return weights_diff(*options, out, std::cerr);
                                });
  command.add_option("a", options->a, "A file, index, folder or pattern")->required();
  command.add_option("b", options->b, "Another one")->required();
  command.add_flag("--values", options->values, "Read both, and compare every value");
}

void add_digest(CLI::App& weights, Front& front) {
  const auto options = std::make_shared<WeightsDigestOptions>();
  CLI::App& command =
      front.add(weights, "digest", "SHA-256 and XXH3 of weight files, and what model.digest pins", true,
                [&front, options](std::ostream& out) {
                  options->json = front.json;
                  return weights_digest(*options, out);
                });
  command.add_option("paths", options->paths, what_paths_are)->required();
  command
      .add_option("--catalog", options->catalog,
                  "As model.catalog: entries without which the model is not known")
      ->type_name("FILE");
  CLI::Option* write = command
                           .add_option("--write", options->write,
                                       "Keep the digests in a file, for --verify; as digests.json beside the "
                                       "weights, identify uses them")
                           ->type_name("FILE");
  command
      .add_option("--verify", options->verify,
                  "Compare with such a file: which bytes of which tensors differ; 2: some do")
      ->type_name("FILE")
      ->excludes(write);
}

void add_load(CLI::App& weights, Front& front) {
  const auto options = std::make_shared<WeightsLoadOptions>();
  CLI::App& command = front.add(
      weights, "load", "Load every component as a job would: keys, shapes, classes; 2: something is wrong",
      true, [&front, options](std::ostream& out) {
        options->json = front.json;
        return weights_load(*options, out);
      });
  command.add_option("model", options->model, "A model folder, or one component: a folder, an index, a file")
      ->required();
  command.add_flag("--read", options->read, "Read every byte of every tensor, too, and tell the rate");
  command.add_option("--catalog", options->catalog, "Further entries, as model.catalog")->type_name("FILE");
}

void add_convert(CLI::App& weights, Front& front) {
  const auto options = std::make_shared<WeightsConvertOptions>();
  CLI::App& command =
      front.add(weights, "convert", "Write weights in another layout of names, files and folders", true,
                [&front, options](std::ostream& out) {
                  options->json = front.json;
                  return weights_convert(*options, out, std::cerr);
                });
  command.add_option("source", options->source, "A file, index, component folder or model folder")
      ->required();
  command.add_option("target", options->out, "What to write: a file, or a folder for a model folder")
      ->required();
  command.add_option("--to", options->to, "Whose names it gets")
      ->required()
      ->check(CLI::IsMember({"official", "diffusers"}));
  command.add_option("--dtype", options->dtype, "Cast floating tensors")
      ->check(CLI::IsMember({"BF16", "F16", "F32"}));
  command.add_option("--catalog", options->catalog, "Further entries, as model.catalog")->type_name("FILE");
}

void add_synth(CLI::App& weights, Front& front) {
  const auto options = std::make_shared<WeightsSynthOptions>();
  CLI::App& command =
      front.add(weights, "synth", "Make a model folder of random weights, like a published one", true,
                [&front, options](std::ostream& out) {
                  options->json = front.json;
                  return weights_synth(*options, out);
                });
  registry::SynthRequest& request = options->request;
  command.add_option("target", request.out, "The folder to make")->required();
  command.add_option("--like", request.like, "A release, or an entry of `ditmill registry list`")
      ->required()
      ->type_name("NAME");
  command.add_option("--scale", options->scale, "Of the published size, or small enough for a laptop")
      ->check(CLI::IsMember({"tiny", "full"}))
      ->capture_default_str();
  command.add_option("--layout", request.layout, "Whose names and folders it gets")
      ->check(CLI::IsMember({"official", "diffusers"}));
  command.add_option("--seed", request.seed, "Of the values")->capture_default_str()->type_name("N");
  command.add_flag("--sparse", request.sparse, "Holes in the place of values: the sizes, without the space");
  command.add_option("--catalog", options->catalog, "Further entries, as model.catalog")->type_name("FILE");
}

}  // namespace

void add_weights(CLI::App& app, Front& front) {
  CLI::App& weights = Front::add_room(app, "weights", "Look at weight files, convert them, and make some");
  add_identify(weights, front);
  add_view(weights, front);
  add_diff(weights, front);
  add_digest(weights, front);
  add_load(weights, front);
  add_convert(weights, front);
  add_synth(weights, front);
}

}  // namespace ditmill::jobs::cli
