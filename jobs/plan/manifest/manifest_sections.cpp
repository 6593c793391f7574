#include "jobs/plan/manifest/manifest_sections.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "configs/declared_fields.h"
#include "configs/error.h"
#include "configs/list_text.h"
#include "configs/suggest.h"
#include "configs/written_path.h"
#include "configs/yaml_cure.h"
#include "jobs/requests/list/list_format.h"
#include "jobs/requests/list/yaml_record.h"
#include "registry/byte_source.h"

namespace ditmill::jobs::plan {
namespace {

using configs::MapReader;
using configs::YamlNode;

constexpr int default_gzip = 4;  // h5py's own default
constexpr int max_items_per_part = 1'000'000;

/// Where a value is written in the manifest's file: nowhere if an option put it there.
requests::TextPlace place_of(const YamlNode* node) {
  if (node == nullptr || !node->origin.empty()) return {};
  return {.line = node->line, .column = node->column};
}

/// `path` is absolute.
std::optional<requests::ListFormat> format_of(MapReader& reader, const std::string& path) {
  const std::optional<requests::ListFormat> format = requests::format_named(path);
  if (!format) {
    const std::string ending = std::filesystem::path(path).extension().string();
    const std::array<std::string, 3> endings{".jsonl", ".txt", ".csv"};
    const std::string remedy = requests::remedy_for_ending(path);
    const bool general = remedy == requests::list_endings;
    reader.problem("file", "requests.file has an unknown ending", remedy,
                   ending.empty() ? "none" : printable(ending, max_shown),
                   general ? configs::nearest(ending, endings) : "");
  }
  return format;
}

/// Whether a path can be taken as it is written.
bool check_path(MapReader& reader, std::string_view key, const std::string& path) {
  const std::optional<configs::PathFault> fault = configs::fault_of_path(path);
  if (fault) reader.problem(key, reader.path_of(key) + fault->message, fault->expected, printable(path));
  return !fault;
}

std::optional<int> gzip_level(std::string_view word) {
  if (word == "none") return 0;
  if (word == "gzip") return default_gzip;
  constexpr std::string_view prefix = "gzip-";
  const bool digit = word.size() == prefix.size() + 1 && word.starts_with(prefix) && word.back() >= '1' &&
                     word.back() <= '9';
  return digit ? std::optional{word.back() - '0'} : std::nullopt;
}

/// `none`, the codec's name, or a mapping with the codec's settings.
void read_video(MapReader& output, results::OutputConfig& config) {
  const YamlNode* node = output.find("video");
  if (node == nullptr || node->reported) return;
  const std::array<std::string, 2> words{"none", std::string{results::video_codec}};
  if (node->kind == YamlNode::Kind::scalar) {
    if (node->text == results::video_codec) config.video.emplace();
    if (node->text == results::video_codec || node->text == "none") return;
  } else if (node->kind == YamlNode::Kind::mapping) {
    config.video.emplace();
    MapReader video = output.map("video");
    const std::array<configs::Choice<std::string_view>, 1> codecs{
        {{results::video_codec, results::video_codec}}};
    std::string_view codec;
    video.read("codec", codec, codecs);
    video.read("crf", config.video->crf, results::crf_bounds);
    video.read("pix_fmt", config.video->pix_fmt, results::pixel_formats);
    video.finish();
    return;
  }
  output.problem("video", "output.video has an unknown value",
                 "none, h264 or {codec: h264, crf: 18, pix_fmt: yuv420p}",
                 printable(configs::describe(*node), max_shown), configs::nearest(node->text, words));
}

void read_kept(MapReader& output, results::OutputConfig& config) {
  output.read("frames", config.frames);
  output.read("latents", config.latents);
  for (const configs::Output& each : configs::family_outputs()) {
    bool kept = false;
    output.read(each.name, kept);
    if (kept) config.more.insert(each.name);
  }
  const std::size_t before = output.problems().size();
  read_video(output, config);
  if (!config.decodes() && !config.latents && output.problems().size() == before) {
    output.problem("frames", "output keeps nothing", "frames or latents: true, or video: h264");
  }
}

void read_compression(MapReader& output, results::OutputConfig& config) {
  std::string word;
  if (!output.read("compression", word)) return;
  if (const std::optional<int> level = gzip_level(word)) {
    config.gzip = *level;
    return;
  }
  const std::array<std::string, 2> words{"none", "gzip"};
  output.problem("compression", "output.compression has an unknown value", "none, gzip or gzip-1 to gzip-9",
                 printable(word, max_shown), configs::nearest(word, words));
}

void read_items_per_part(MapReader& output, results::OutputConfig& config) {
  const YamlNode* node = output.find("items_per_part");
  const bool automatic = node != nullptr && node->kind == YamlNode::Kind::scalar && node->text == "auto";
  int items = 1;
  if (!automatic && output.read("items_per_part", items, {1, max_items_per_part}))
    config.items_per_part = items;
}

}  // namespace

void refuse_lacking(MapReader& section, const std::set<std::string, std::less<>>& lacking,
                    std::span<const std::string> declared) {
  std::string has;
  for (const std::string& name : declared) {
    if (!lacking.contains(name)) extend_list(has, name);
  }
  for (const std::string& name : lacking) {
    if (!section.has(name)) continue;
    section.problem_at_key(
        name, "this model takes no " + section.path_of(name),
        has.empty() ? "only what all models take" : has + ", besides what all models take");
  }
}

RequestsSection::RequestsSection(MapReader requests, const ManifestSource& source,
                                 requests::ItemDefaults defaults)
    : reader_(std::move(requests)), source_(source), defaults_(std::move(defaults)) {}

requests::ItemList RequestsSection::read(const CheckRequest& check_request) {
  configs::read_request_defaults(reader_.map("defaults"), defaults_.draft);
  look_at_files(reader_.map("defaults"), defaults_.draft.request.more);
  refuse_lacking_fields(reader_.find("defaults"), reader_.path_of("defaults"));
  if (reader_.has("matrix")) {
    refuse_lacking_fields(reader_.find("matrix"), reader_.path_of("matrix"));
    defaults_.matrix = requests::read_matrix(
        reader_.map("matrix"), defaults_.negative_prompt_suffix,
        [this](MapReader& reader, configs::FieldValues& values) { look_at_files(reader, values); });
  }
  const bool has_file = reader_.has("file");
  const bool has_items = reader_.has("items");
  requests::PromptList list;
  if (has_file && has_items) {
    reader_.problem_at_key("items", "requests.file and requests.items exclude each other", "one of them");
  } else if (has_file) {
    list = read_file();
  } else if (has_items) {
    list = read_items();
  } else {
    reader_.problem("file", "requests.file is missing", "file: a prompt list, or items: [...]");
  }
  if (check_request) check_sizes(list, check_request);
  warnings_ = std::move(list.warnings);
  metadata_names_ = std::move(list.metadata_names);
  keep_part(list.items);
  reader_.finish();
  return std::move(list.items);
}

void RequestsSection::look_at_files(MapReader reader, configs::FieldValues& values) {
  defaults_.files->look(reader, source_.directory, values);
}

void RequestsSection::refuse_lacking_fields(const YamlNode* section, const std::string& path) {
  if (section == nullptr || section->kind != YamlNode::Kind::mapping) return;
  MapReader fields{*section, path, source_.file, reader_.problems()};
  refuse_lacking(fields, defaults_.lacking, names_of(configs::family_request_fields()));
}

void RequestsSection::keep_part(requests::ItemList& items) {
  std::string text;
  if (!reader_.read("shard", text)) return;
  shard_ = requests::shard_from_text(text);
  if (!shard_) {
    reader_.problem("shard", "requests.shard is not valid", requests::shard_form, printable(text, max_shown));
  } else if (!items.empty() && shard_->size(items.size()) == 0) {
    reader_.problem("shard", "requests.shard is a part without items",
                    "at most as many parts as the " + std::to_string(items.size()) + " items", text);
  } else {
    requests::keep_shard(items, *shard_);
  }
}

requests::PromptList RequestsSection::read_file() {
  std::string path;
  if (!reader_.read("file", path) || !check_path(reader_, "file", path)) return {};
  list_file_ = absolute_path(source_.directory, path);
  const std::optional<requests::ListFormat> format = format_of(reader_, list_file_);
  if (!format) return {};
  std::unique_ptr<registry::ByteSource> file;
  try {
    file = registry::open_file(list_file_);
  } catch (const Error& error) {
    reader_.problem("file", "requests.file cannot be read: " + printable(list_file_), error.expected(),
                    error.got());
    return {};
  }
  const std::size_t before = reader_.problems().size();
  std::string directory = std::filesystem::path(list_file_).parent_path().string();
  if (reader_.read("directory", directory)) directory = absolute_path(source_.directory, directory);
  defaults_.directory = std::move(directory);
  requests::PromptList list = requests::read_prompt_list(*file, *format, defaults_, reader_.problems());
  if (list.items.empty() && reader_.problems().size() == before) {
    reader_.problem("file", "requests.file holds no prompt: " + printable(list_file_), "a prompt a line");
  }
  return list;
}

requests::PromptList RequestsSection::read_items() {
  const YamlNode* items = reader_.find("items");
  list_file_ = items->origin.empty() ? source_.file : items->origin;
  const std::size_t before = reader_.problems().size();
  requests::ListBuilder builder{list_file_, defaults_, reader_.problems()};
  std::size_t index = 0;
  requests::CutTexts texts{source_.tree ? std::string_view{} : source_.text};
  for (const YamlNode& node : reader_.list("items")) {
    read_item(requests::as_record(node), index++, builder);
    for (const char* field : {"prompt", "negative_prompt"}) {
      const YamlNode* text = node.find(field);
      if (!texts.cut(text)) continue;
      builder.warnings().add(
          {.file = source_.file,
           .line = text->line,
           .column = text->column,
           .message = std::string{field} + " ends before the #, which begins a comment in YAML",
           .expected = "the text in quotes, if # belongs to it"},
          "comment");
    }
  }
  if (index == 0 && reader_.problems().size() == before) {
    reader_.problem("items", "requests.items is empty", "an item or more");
  }
  return builder.finish(requests::max_list_problems);
}

void RequestsSection::read_item(const YamlNode& node, std::size_t index, requests::ListBuilder& builder) {
  const std::size_t before = reader_.problems().size();
  requests::ItemDraft item = builder.next_item();
  if (node.kind == YamlNode::Kind::scalar && !node.reported) {
    return reader_.problem_at(node, reader_.path_of("items") + "." + std::to_string(index) + " is a text",
                              "an item: {prompt: " + configs::quoted_yaml(node.text) + "}");
  }
  const requests::TextPlace record = place_of(&node);
  item.line = record.line;
  item.column = record.column;
  const std::string path = reader_.path_of("items") + "." + std::to_string(index);
  configs::read_request(MapReader{node, path, source_.file, reader_.problems()}, item.draft);
  look_at_files(MapReader{node, path, source_.file, reader_.problems()}, item.draft.request.more);
  refuse_lacking_fields(&node, path);
  if (reader_.problems().size() > before) return;
  const auto own = [&node](const char* field, const char* resolved_from) {
    const YamlNode* value = node.find(field);
    for (const char* from : {"aspect_ratio", resolved_from}) {
      if (const YamlNode* found = resolved_from == nullptr ? nullptr : node.find(from)) value = found;
    }
    return place_of(value);
  };
  requests::RecordPlaces places{.id = place_of(node.find("id")),
                                .size = {.width = own("width", "resolution"),
                                         .height = own("height", "resolution"),
                                         .frames = own("frames", nullptr)}};
  if (places.id.line == 0) places.id = record;
  builder.add(std::move(item), places);
}

void RequestsSection::check_sizes(const requests::PromptList& list, const CheckRequest& check_request) {
  std::vector<Problem> found;
  for (const requests::SizedItem& size : list.sizes) {
    const requests::Item item = list.items[size.item];
    for (Problem& problem : check_request(item.request)) {
      place(problem, size, item);
      // Items that differ elsewhere may share the default at fault.
      if (std::find(found.begin(), found.end(), problem) == found.end()) found.push_back(std::move(problem));
    }
    if (found.size() >= requests::max_list_problems) break;
  }
  std::vector<Problem>& problems = reader_.problems();
  std::move(found.begin(), found.end(), std::back_inserter(problems));
}

/// Where a field of an item that does not give it itself comes from: the matrix or the defaults; nullptr if
/// it stands with the item, or nowhere.
const YamlNode* RequestsSection::value_at_fault(const std::string& field, const requests::SizedItem& size,
                                                requests::TextPlace own) {
  const bool side = field == "width" || field == "height";
  const YamlNode* defaults = reader_.find("defaults");
  for (const std::string& name : {field, std::string{"resolution"}, std::string{"aspect_ratio"}}) {
    if (name != field && !side) break;
    if (const requests::MatrixValue* value = defaults_.matrix.value(name, size.combination))
      return value->node;
  }
  if (own.line > 0 || defaults == nullptr) return nullptr;
  const YamlNode* value = defaults->find(field);
  return value == nullptr && side ? defaults->find("resolution") : value;
}

void RequestsSection::place(Problem& problem, const requests::SizedItem& size, const requests::Item& item) {
  const std::string field = std::exchange(problem.field, {});  // from here on it has a place
  requests::TextPlace own;
  if (field == "width") own = size.width;
  if (field == "height") own = size.height;
  if (field == "frames") own = size.frames;
  if (const YamlNode* value = value_at_fault(field, size, own)) {
    const requests::TextPlace in_file = place_of(value);
    problem.file = in_file.line > 0 ? source_.file : value->origin;
    problem.line = in_file.line;
    problem.column = in_file.column;
    return;
  }
  problem.file = list_file_;
  problem.line = own.line > 0 ? own.line : item.line;
  problem.column = own.line > 0 ? own.column : item.column;
}

results::OutputConfig read_output(MapReader output, const ManifestSource& source,
                                  const std::set<std::string, std::less<>>& lacking) {
  results::OutputConfig config;
  config.path = source.run_dir;
  std::string path;
  if (output.read("path", path)) {
    if (path.empty()) {
      output.problem("path", "output.path is empty", "a folder");
    } else if (check_path(output, "path", path) && config.path.empty()) {
      config.path = absolute_path(source.directory, path);
    }
  } else if (!output.has("path") && config.path.empty()) {
    output.problem("path", "output.path is missing", "a folder, or --run-dir DIR");
  }
  refuse_lacking(output, lacking, names_of(configs::family_outputs()));
  read_kept(output, config);
  if (bool keep = false; output.read("keep_inputs", keep)) config.keep_inputs = keep;
  read_compression(output, config);
  read_items_per_part(output, config);
  output.finish();
  return config;
}

}  // namespace ditmill::jobs::plan
