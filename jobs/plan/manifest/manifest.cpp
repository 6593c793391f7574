#include "jobs/plan/manifest/manifest.h"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

#include "configs/declared_fields.h"
#include "configs/error.h"
#include "configs/overrides.h"
#include "configs/preset.h"
#include "configs/yaml_reader.h"
#include "jobs/plan/manifest/manifest_sections.h"
#include "jobs/run/frozen/gone_inputs.h"
#include "registry/byte_source.h"

namespace ditmill::jobs::plan {
namespace {

using configs::MapReader;
using configs::YamlNode;

constexpr int schema = 1;

/// Whether an error is the user's to fix, and so one of the problems.
bool is_users(const Error& error) { return exit_code(error.category()) == 1; }

class Decoder {
 public:
  Decoder(const ManifestSource& source, const FactsOf& facts_of, const CheckRequest& check_request,
          std::vector<Problem>& problems)
      : source_(source), facts_of_(facts_of), check_request_(check_request), problems_(problems) {}

  Manifest decode() {
    Manifest manifest;
    manifest.tree = source_.tree ? *source_.tree : configs::parse_yaml(source_.text, source_.file, problems_);
    if (is_torn(manifest.tree)) return manifest;
    configs::apply_overrides(manifest.tree, source_.sets, problems_);
    MapReader top{manifest.tree, "", source_.file, problems_};
    read_schema(top);
    read_name(top, manifest.name);
    const std::size_t before = problems_.size();
    manifest.model = configs::read_model_definition(top.map("model"), source_.directory);
    ModelFacts facts = problems_.size() == before ? facts_of(top, manifest.model) : ModelFacts{};

    MapReader pipeline = top.map("pipeline");
    configs::Preset preset = choose_preset(pipeline, facts.preset);
    manifest.pipeline = preset.pipeline;
    settle_components(facts.components, manifest.pipeline);
    if (source_.tree) {  // a dump: what it does not say is not there
      manifest.pipeline.more.clear();
    } else {
      for (auto& [field, value] : facts.pipeline) manifest.pipeline.more.insert_or_assign(field, value);
    }
    configs::apply_pipeline(pipeline, manifest.pipeline);
    refuse_lacking(pipeline, facts.lacking_pipeline, names_of(configs::family_pipeline_fields()));
    for (const std::string& name : facts.lacking_pipeline) manifest.pipeline.more.erase(name);  // a preset's

    manifest.output = read_output(top.map("output"), source_, facts.lacking_outputs);
    run::GoneInputs gone{results::RunDirectory{manifest.output.path}};
    RequestsSection requests{top.map("requests"),
                             source_,
                             {.draft = preset.defaults,
                              .negative_prompt_suffix = manifest.pipeline.negative_prompt_suffix,
                              .name = manifest.name,
                              .lacking = std::move(facts.lacking_requests),
                              .as_metadata = std::move(facts.as_metadata),
                              .required = std::move(facts.required_requests),
                              .size_of_picture = std::move(facts.size_of_picture),
                              .files = std::make_shared<requests::InputFiles>(
                                  [&gone](const std::string& path) { return gone.find(path); })}};
    const CheckRequest check_request = [&](const configs::Request& request) {
      return check(request, manifest.output);
    };
    manifest.items = guarded([&] { return requests.read(check_request); });
    manifest.shard = requests.shard();
    manifest.warnings = requests.warnings();
    manifest.list_file = requests.list_file();
    manifest.metadata_names = requests.metadata_names();
    manifest.slurm = slurm::read_settings(top.map("slurm"));
    top.finish();
    return manifest;
  }

  /// Rethrows what the environment did wrong, if the user did nothing wrong.
  void finish(std::size_t problems_before) {
    if (failure_ == nullptr) return;
    if (problems_.size() == problems_before) std::rethrow_exception(failure_);
    try {
      std::rethrow_exception(failure_);
    } catch (const Error& error) {
      problems_.push_back(to_problem(error));
    }
  }

 private:
  /// After a syntax error the rest of the document is missing: to report that too would only mislead.
  bool is_torn(const YamlNode& root) const {
    return root.torn || (root.kind == YamlNode::Kind::null && !problems_.empty());
  }

  void read_schema(MapReader& top) {
    int found = schema;
    if (!top.has("schema")) {
      top.problem("schema", "schema is missing", std::to_string(schema));
    } else if (top.read("schema", found, {0, 1'000'000}) && found != schema) {
      top.problem("schema", "this version cannot read schema " + std::to_string(found),
                  std::to_string(schema));
    }
  }

  static void read_name(MapReader& top, std::string& out) {
    if (!top.has("name")) {
      top.problem("name", "name is missing", std::string{configs::id_form});
      return;
    }
    std::string name;
    if (!top.read("name", name)) return;
    if (configs::is_id(name)) {
      out = std::move(name);
    } else {
      top.problem("name", "name is not valid", std::string{configs::id_form}, printable(name, max_shown));
    }
  }

  /// Those of the model, and those of any; a preset may speak of more.
  static void settle_components(const std::vector<std::string>& names, configs::PipelineConfig& pipeline) {
    const std::map<std::string, configs::ComponentConfig> any = configs::PipelineConfig{}.components;
    std::erase_if(pipeline.components, [&](const auto& component) {
      return !any.contains(component.first) && std::ranges::find(names, component.first) == names.end();
    });
    for (const std::string& name : names)
      pipeline.components.try_emplace(name, configs::ComponentConfig{.dtype = pipeline.dtype});
  }

  /// What the model's family and the output refuse of a request.
  std::vector<Problem> check(const configs::Request& request, const results::OutputConfig& output) const {
    std::vector<Problem> found = check_request_ ? check_request_(request) : std::vector<Problem>{};
    if (!output.video) return found;
    std::vector<Problem> more = results::check_video(*output.video, request);
    std::move(more.begin(), more.end(), std::back_inserter(found));
    return found;
  }

  template <typename Read>
  auto guarded(const Read& read) -> decltype(read()) {
    try {
      return read();
    } catch (const Error& error) {
      if (is_users(error)) throw;
      if (failure_ == nullptr) failure_ = std::current_exception();
    }
    return {};
  }

  ModelFacts facts_of(MapReader& top, const configs::ModelDefinition& model) {
    if (!facts_of_) return {};
    return guarded([&]() -> ModelFacts {
      try {
        return facts_of_(model);
      } catch (const Error& error) {
        if (!is_users(error)) throw;
        add(top, error);
      }
      return {};
    });
  }

  /// What is wrong with the model: at its own place, or where the manifest names it.
  void add(MapReader& top, const Error& error) {
    if (!error.problems().empty()) {
      problems_.insert(problems_.end(), error.problems().begin(), error.problems().end());
      return;
    }
    Problem problem = to_problem(error);
    if (problem.line > 0) {
      problems_.push_back(std::move(problem));
      return;
    }
    if (!problem.file.empty()) problem.message = printable(problem.file) + ": " + problem.message;
    MapReader model = top.map("model");
    model.problem("path", problem.message, problem.expected, problem.got, problem.nearest);
  }

  configs::Preset choose_preset(MapReader& pipeline, const std::string& suggested) {
    if (std::optional<configs::Preset> named = configs::read_preset(pipeline)) return *std::move(named);
    if (suggested.empty()) return {};
    try {
      return configs::preset_named(suggested);
    } catch (const Error& error) {
      if (error.problems().empty()) {
        pipeline.problem("preset", "the catalog entry's preset is unknown: " + error.doing(),
                         error.expected(), error.got());
      } else {
        problems_.insert(problems_.end(), error.problems().begin(), error.problems().end());
      }
    }
    return {};
  }

  const ManifestSource& source_;
  const FactsOf& facts_of_;
  const CheckRequest& check_request_;
  std::vector<Problem>& problems_;
  std::exception_ptr failure_;
};

/// The manifest's own in the order of its lines, then the options', then other files'.
void sort_by_place(std::vector<Problem>& problems, std::size_t first, const std::string& file) {
  const auto place = [&file](const Problem& problem) {
    const int group = problem.file == file ? 0 : problem.file.starts_with("--set ") ? 1 : 2;
    return std::tuple{group, group == 0 ? problem.line : 0, group == 0 ? problem.column : 0};
  };
  std::stable_sort(problems.begin() + static_cast<std::ptrdiff_t>(first), problems.end(),
                   [&place](const Problem& a, const Problem& b) { return place(a) < place(b); });
}

}  // namespace

std::string absolute_path(const std::string& directory, const std::string& path) {
  return (std::filesystem::path(directory) / path).lexically_normal().string();
}

ManifestSource read_manifest(const std::string& path) {
  const std::unique_ptr<registry::ByteSource> file = registry::open_file(path);
  if (file->size() > configs::max_yaml_bytes) {
    throw Error{Category::bad_input,
                "read the manifest",
                Where{.file = path},
                Expected{"at most " + std::to_string(configs::max_yaml_bytes) + " bytes"},
                Got{std::to_string(file->size()) + " bytes"},
                "name long lists by requests.file"};
  }
  ManifestSource source{
      .text = std::string(file->size(), '\0'),
      .file = path,
      .directory = std::filesystem::absolute(path).parent_path().lexically_normal().string(),
      .sets = {},
      .run_dir = {},
      .tree = {}};
  file->read_at(0, std::as_writable_bytes(std::span{source.text}));
  return source;
}

Manifest decode_manifest(const ManifestSource& source, const FactsOf& facts_of,
                         const CheckRequest& check_request, std::vector<Problem>& problems) {
  const std::size_t before = problems.size();
  Decoder decoder{source, facts_of, check_request, problems};
  Manifest manifest = decoder.decode();
  sort_by_place(problems, before, source.file);
  decoder.finish(before);
  return manifest;
}

configs::ModelDefinition decode_model(const ManifestSource& source) {
  std::vector<Problem> problems;
  YamlNode tree = source.tree ? *source.tree : configs::parse_yaml(source.text, source.file, problems);
  configs::apply_overrides(tree, source.sets, problems);
  MapReader top{tree, "", source.file, problems};
  configs::ModelDefinition model = configs::read_model_definition(top.map("model"), source.directory);
  if (!problems.empty()) throw Error{std::move(problems)};
  return model;
}

namespace {

/// `path` leads to the mapping.
void place_problems(MapReader section, const std::string& path, const std::vector<Problem>& found,
                    std::vector<Problem>& problems) {
  // What is wrong with the mapping itself has been told.
  std::vector<Problem>& placed = section.problems();
  placed.clear();
  for (const Problem& problem : found) {
    section.problem(problem.field, path + problem.message, problem.expected, problem.got, problem.nearest);
  }
  std::move(placed.begin(), placed.end(), std::back_inserter(problems));
}

}  // namespace

void place_pipeline_problems(const Manifest& manifest, const std::string& file,
                             const std::vector<Problem>& found, std::vector<Problem>& problems) {
  std::vector<Problem> placed;
  place_problems(MapReader{manifest.tree, "", file, placed}.map("pipeline"), "pipeline.", found, problems);
}

void place_degree_problems(const Manifest& manifest, const std::string& file,
                           const std::vector<Problem>& found, std::vector<Problem>& problems) {
  std::vector<Problem> placed;
  place_problems(MapReader{manifest.tree, "", file, placed}.map("pipeline").map("parallel"),
                 "pipeline.parallel.", found, problems);
}

}  // namespace ditmill::jobs::plan
