#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "configs/error.h"
#include "configs/model_definition.h"
#include "configs/pipeline_config.h"
#include "configs/request.h"
#include "configs/resolution.h"
#include "configs/yaml_reader.h"
#include "jobs/requests/items/item_list.h"
#include "jobs/requests/items/shard.h"
#include "jobs/results/store/output_config.h"
#include "slurm/settings.h"

namespace ditmill::jobs::plan {

/// A manifest as rank 0 read it: bytes, where from, and what the command line adds.
struct ManifestSource {
  std::string text;
  std::string file;               ///< as the user named it, for messages
  std::string directory;          ///< absolute; relative paths in the manifest start here
  std::vector<std::string> sets;  ///< "a.b.c=V" in the order given
  std::string run_dir;            ///< --run-dir, absolute; empty: output.path
  /// Stands for `text` where the manifest was made of a dump.
  std::optional<configs::YamlNode> tree = {};
};

/// A decoded manifest: three layers that cannot be mixed up, the items, and where results go.
struct Manifest {
  std::string name;
  configs::ModelDefinition model;
  configs::PipelineConfig pipeline;
  requests::ItemList items;  ///< in the order of the list; keys are still empty
  std::string list_file;     ///< names the places of the items: their list, or the manifest
  std::optional<requests::Shard>
      shard;  ///< `requests.shard`: which part of the list `items` are; none: all of it
  results::OutputConfig output;
  slurm::Settings slurm;
  std::vector<std::string> metadata_names;  ///< fields of the items that are kept and change nothing
  std::vector<Problem> warnings;            ///< what is accepted, but likely not what its author meant
  /// The document that all this was decoded from, `--set` applied; what freezing writes. With items of its
  /// own it is as large as they are: whoever keeps a manifest for long lets it go.
  configs::YamlNode tree = {};
};

/// What the weights say before layers 2 and 3 are read.
struct ModelFacts {
  std::string preset = {};                   ///< of the identified model; empty: it suggests none
  std::vector<std::string> components = {};  ///< names of those that it has
  configs::FieldValues pipeline = {};        ///< what its files say of the pipeline, over the preset
  std::set<std::string, std::less<>> lacking_pipeline =
      {};  ///< fields of other models, which this one's lack
  std::set<std::string, std::less<>> lacking_requests = {};
  std::set<std::string, std::less<>> lacking_outputs = {};
  /// Fields of requests that are kept as metadata: of a rehearsal, what names pictures.
  std::set<std::string, std::less<>> as_metadata = {};
  /// Width and height of a clip that begins with a picture.
  std::function<configs::FrameSize(int width, int height, std::int64_t area)> size_of_picture = {};
  std::set<std::string, std::less<>> required_requests = {};  ///< fields that no request may be without
};

/// Called exactly once, with layer 1 decoded and before layers 2 and 3 are, whether or not the manifest names
/// a preset. May throw Error, which becomes a problem.
using FactsOf = std::function<ModelFacts(const configs::ModelDefinition&)>;
/// Sizes that the model's family refuses; may be empty.
using CheckRequest = std::function<std::vector<Problem>(const configs::Request&)>;

/// A path in a manifest, made absolute: relative ones start at `directory`.
std::string absolute_path(const std::string& directory, const std::string& path);

/// Reads the file (and nothing that it names). Throws Error: not_found, bad_input, io.
ManifestSource read_manifest(const std::string& path);

/// Decodes a manifest and its prompt list. Everything wrong is added to `problems`, each with its place; what
/// is returned is then usable for further checks, but incomplete. Errors of `facts_of` that the user can fix
/// become problems too; those of the environment (I/O) are thrown, unless there are problems: these come
/// first. A problem of `check_request` gets the place of its field's value.
Manifest decode_manifest(const ManifestSource& source, const FactsOf& facts_of,
                         const CheckRequest& check_request, std::vector<Problem>& problems);

/// Layer 1 of a manifest alone; nothing that it names is looked at. Throws Error with all that is wrong
/// there.
configs::ModelDefinition decode_model(const ManifestSource& source);

/// Adds what is wrong with `pipeline` to `problems`, each at its place in the manifest, which `file` names.
void place_pipeline_problems(const Manifest& manifest, const std::string& file,
                             const std::vector<Problem>& found, std::vector<Problem>& problems);
/// The same of the degrees of `pipeline.parallel`: the field of each is an axis.
void place_degree_problems(const Manifest& manifest, const std::string& file,
                           const std::vector<Problem>& found, std::vector<Problem>& problems);

/// The manifest as the run directory keeps it: YAML that decodes to the same job, paths made absolute from
/// `directory`.
std::string frozen_manifest(const Manifest& manifest, const std::string& directory);

}  // namespace ditmill::jobs::plan
