#include "configs/declared_fields.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "configs/error.h"
#include "configs/pipeline_config.h"
#include "configs/request.h"
#include "configs/resolution.h"
#include "configs/yaml_reader.h"

namespace ditmill::configs {
namespace {

Bounds<std::int64_t> wide(Bounds<int> bounds) { return {bounds.least, bounds.most}; }

Field read_declaration(MapReader reader, std::string name) {
  Field field{.name = std::move(name)};
  reader.read("kind", field.kind, field_kinds);
  if (field.kind == FieldKind::whole) {
    constexpr Bounds<std::int64_t> any{std::numeric_limits<std::int64_t>::min(),
                                       std::numeric_limits<std::int64_t>::max()};
    reader.read("least", field.whole.least, any);
    reader.read("most", field.whole.most, any);
  } else if (field.kind == FieldKind::real) {
    constexpr Bounds<double> any{std::numeric_limits<double>::lowest(), std::numeric_limits<double>::max()};
    reader.read("least", field.real.least, any);
    reader.read("most", field.real.most, any);
  } else if (field.kind == FieldKind::word) {
    reader.read("words", field.words);
  }
  if (reader.has("usual")) {
    Field usual = field;
    usual.name = "usual";
    FieldValue value;
    if (read_field(reader, usual, value)) field.usual = std::move(value);
  }
  reader.read("in_index", field.in_index);
  reader.read("says", field.says);
  reader.read("in_key", field.in_key);
  reader.read("may_vary", field.may_vary);
  reader.finish();
  return field;
}

std::vector<Field> read_declarations(MapReader section) {
  std::vector<Field> fields;
  for (const std::string& name : section.keys()) fields.push_back(read_declaration(section.map(name), name));
  return fields;
}

Output read_output_declaration(MapReader reader, std::string name) {
  Output output{.name = std::move(name)};
  reader.read("type", output.type, output_types);
  reader.read("axes", output.axes);
  reader.read("chunk", output.chunk);
  reader.read("says", output.says);
  if (output.axes.empty()) reader.problem("axes", "an output without axes", "what each dimension counts");
  if (!output.chunk.empty() && output.chunk_axis() == output.axes.size()) {
    reader.problem("chunk", "no axis of the output", "one of its axes", output.chunk);
  }
  reader.finish();
  return output;
}

std::vector<Output> read_output_declarations(MapReader section) {
  std::vector<Output> outputs;
  for (const std::string& name : section.keys())
    outputs.push_back(read_output_declaration(section.map(name), name));
  return outputs;
}

std::vector<Field> merged(std::vector<Field> FamilyFields::*part) {
  std::vector<Field> all;
  for (const FamilyFields& family : family_fields()) {
    for (const Field& field : family.*part) {
      if (field_named(all, field.name) == nullptr) all.push_back(field);
    }
  }
  return all;
}

/// Keys, dumps and attributes go by name: each has one meaning over all families, and none that is taken
/// already.
void require_one_meaning(std::span<const FamilyFields> families) {
  // What else stands beside fields in keys and attributes.
  static const std::set<std::string, std::less<>> taken{
      "attempt",     "attention", "components", "config_json", "dtype",    "guidance",
      "inputs_json", "key",       "loading",    "lora",        "metadata", "parallel",
      "preset",      "schema",    "started",    "text_window", "tiling",   "tokens"};
  std::map<std::string, const Field*> of_requests;
  std::map<std::string, const Field*> of_pipelines;
  std::map<std::string, const Output*> of_items;
  const auto refuse = [](const FamilyFields& family, const std::string& name) {
    throw Error{Category::internal, "declare a field", Where{.key = "models/" + family.family + ": " + name},
                Expected{"a name that means nothing else anywhere"}};
  };
  const auto add = [&](const FamilyFields& family, const Field& field, auto& mine, const auto& others) {
    const bool common = field_named(common_request_fields(), field.name) != nullptr ||
                        field_named(common_pipeline_fields(), field.name) != nullptr;
    const auto [first, is_new] = mine.emplace(field.name, &field);
    if (!common && !taken.contains(field.name) && !others.contains(field.name) && *first->second == field)
      return;
    refuse(family, field.name);
  };
  const std::set<std::string, std::less<>> settings{"path", "compression", "items_per_part", "keep_inputs"};
  for (const FamilyFields& family : families) {
    for (const Field& field : family.request) add(family, field, of_requests, of_pipelines);
    for (const Field& field : family.pipeline) add(family, field, of_pipelines, of_requests);
    for (const Output& output : family.outputs) {
      const bool is_taken =
          output_named(common_outputs(), output.name) != nullptr || settings.contains(output.name);
      if (is_taken || *of_items.emplace(output.name, &output).first->second != output)
        refuse(family, output.name);
    }
  }
}

std::vector<std::string> words_of_solvers() {
  std::vector<std::string> words;
  for (const std::string_view word : solver_names()) words.emplace_back(word);
  return words;
}

/// What only a draft has.
std::vector<Field> draft_fields() {
  const std::span<const std::string> resolutions = resolution_names();
  return {
      {.name = "samples",
       .kind = FieldKind::whole,
       .whole = wide(samples_bounds),
       .usual = std::int64_t{1},
       .says = "items that a line stands for, with seeds one after the other",
       .in_key = false},
      {.name = "resolution",
       .kind = FieldKind::word,
       .words = {resolutions.begin(), resolutions.end()},
       .says = "width and height by name, in place of both",
       .in_key = false},
      {.name = "aspect_ratio",
       .says = "beside a resolution: " + std::string{aspect_ratio_form},
       .in_key = false},
      {.name = "size",
       .kind = FieldKind::word,
       .words = {std::string{from_image}},
       .says = "from-image: the picture's aspect, and the area that width and height or a resolution have",
       .in_key = false,
       .may_vary = false}};
}

}  // namespace

std::span<const Field> common_request_fields() {
  static const std::vector<Field> fields = [] {
    const Request usual;
    std::vector<Field> all{
        {.name = "id",
         .says = "names the item; without one: its position in the list",
         .in_key = false,
         .may_vary = false},
        {.name = "prompt", .says = "what the clip shows; required", .may_vary = false},
        {.name = "negative_prompt",
         .usual = usual.negative_prompt,
         .says = "what guidance leads away from; the preset's own text follows it"},
        {.name = "seed",
         .kind = FieldKind::whole,
         .whole = seed_bounds,
         .usual = usual.seed,
         .says = "all noise of the item comes from it; auto: made of the job's name and the item's id"},
        {.name = "width",
         .kind = FieldKind::whole,
         .whole = wide(width_bounds),
         .usual = usual.width,
         .says = "pixels"},
        {.name = "height",
         .kind = FieldKind::whole,
         .whole = wide(height_bounds),
         .usual = usual.height,
         .says = "pixels"},
        {.name = "frames",
         .kind = FieldKind::whole,
         .whole = wide(frames_bounds),
         .usual = usual.frames,
         .says = "frames of the clip"},
        {.name = "fps",
         .kind = FieldKind::real,
         .real = fps_bounds,
         .usual = usual.fps,
         .says = "frames a second that the clip is played at",
         .in_key = false}};
    const std::vector<Field> of_drafts = draft_fields();
    all.insert(all.end(), of_drafts.begin(), of_drafts.end());
    return all;
  }();
  return fields;
}

std::span<const Field> common_pipeline_fields() {
  static const std::vector<Field> fields = [] {
    const PipelineConfig usual;
    return std::vector<Field>{
        {.name = "solver",
         .kind = FieldKind::word,
         .words = words_of_solvers(),
         .usual = std::string{name(usual.solver)},
         .says =
             "how a step takes noise away: unipc, euler as diffusers has them, wan-... as Wan's own code"},
        {.name = "steps",
         .kind = FieldKind::whole,
         .whole = wide(steps_bounds),
         .usual = std::int64_t{usual.steps},
         .says = "denoising steps"},
        {.name = "guidance_scale",
         .kind = FieldKind::real,
         .real = guidance_bounds,
         .usual = usual.guidance_scale,
         .says = "how far predictions are led to the prompt; 1 or less: no guidance, half the work"},
        {.name = "flow_shift",
         .kind = FieldKind::real,
         .real = flow_shift_bounds,
         .usual = usual.flow_shift,
         .says = "how much of the steps goes to high noise"},
        {.name = "numerics",
         .kind = FieldKind::word,
         .words = {std::string{name(Numerics::reference)}, std::string{name(Numerics::fast)}},
         .usual = std::string{name(usual.numerics)},
         .says = "reference: diffusers' operators in their order; fast: fused and reordered"}};
  }();
  return fields;
}

std::span<const FamilyFields> family_fields() {
  static const std::vector<FamilyFields> all = [] {
    std::vector<FamilyFields> read;
    for (const EmbeddedText& file : embedded::family_fields()) read.push_back(parse_family_fields(file));
    require_one_meaning(read);
    return read;
  }();
  return all;
}

std::span<const Field> family_request_fields() {
  static const std::vector<Field> all = merged(&FamilyFields::request);
  return all;
}

std::span<const Field> family_pipeline_fields() {
  static const std::vector<Field> all = merged(&FamilyFields::pipeline);
  return all;
}

std::span<const Output> family_outputs() { return declared_outputs().subspan(common_outputs().size()); }

std::span<const Output> declared_outputs() {
  static const std::vector<Output> all = [] {
    std::map<std::string, Output> by_name;
    for (const FamilyFields& family : family_fields()) {
      for (const Output& output : family.outputs) by_name.emplace(output.name, output);
    }
    std::vector<Output> outputs(common_outputs().begin(), common_outputs().end());
    for (const auto& [name, output] : by_name) outputs.push_back(output);
    return outputs;
  }();
  return all;
}

const Field* field_named(std::span<const Field> fields, std::string_view name) noexcept {
  const auto found = std::ranges::find(fields, name, &Field::name);
  return found == fields.end() ? nullptr : &*found;
}

FamilyFields parse_family_fields(const EmbeddedText& file) {
  std::vector<Problem> problems;
  const std::string path(file.path);
  const YamlNode root = parse_yaml(file.text, path, problems);
  MapReader reader(root, "", path, problems);
  FamilyFields fields{.family = std::filesystem::path{path}.parent_path().filename().string()};
  fields.request = read_declarations(reader.map("request"));
  fields.pipeline = read_declarations(reader.map("pipeline"));
  fields.outputs = read_output_declarations(reader.map("outputs"));
  reader.finish();
  if (!problems.empty()) throw Error{std::move(problems)};
  return fields;
}

}  // namespace ditmill::configs
