#include "configs/request.h"

#include <algorithm>
#include <array>

#include "configs/yaml_reader.h"

namespace ditmill::configs {
namespace {

constexpr std::size_t max_id_length = 128;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

void read_seed(MapReader& reader, Request& out) {
  const YamlNode* seed = reader.find("seed");
  if (seed != nullptr && seed->kind == YamlNode::Kind::scalar && seed->text == "auto") {
    reader.problem("seed", "this version cannot derive seeds from ids (seed: auto)",
                   expected_number(seed_bounds), "auto");
    return;
  }
  reader.read("seed", out.seed, seed_bounds);
}

/// Fields that stand for several items or for other fields.
void refuse_expansions(MapReader& reader) {
  int samples = 1;
  if (reader.read("samples", samples, {1, 1'000'000}) && samples > 1) {
    reader.problem("samples", "this version cannot expand " + reader.path_of("samples"),
                   "1; an item for each sample, with its own seed", std::to_string(samples));
  }
  for (const std::string_view field : {"resolution", "aspect_ratio"}) {
    if (!reader.has(field)) continue;
    reader.problem_at_key(field, "this version cannot derive sizes from " + reader.path_of(field),
                          "width and height");
  }
}

void read_shared(MapReader& reader, Request& out) {
  reader.read("negative_prompt", out.negative_prompt);
  read_seed(reader, out);
  reader.read("width", out.width, width_bounds);
  reader.read("height", out.height, height_bounds);
  reader.read("frames", out.frames, frames_bounds);
  reader.read("fps", out.fps, fps_bounds);
  refuse_expansions(reader);
}

}  // namespace

bool is_id(std::string_view text) noexcept {
  if (text.empty() || text.size() > max_id_length || !is_alphanumeric(text[0])) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_alphanumeric(c) || std::string_view("._~-").find(c) != std::string_view::npos;
  });
}

std::span<const std::string> request_field_names() {
  static const std::array<std::string, 8> names{"id",    "prompt", "negative_prompt", "seed",
                                                "width", "height", "frames",          "fps"};
  return names;
}

void read_request_defaults(MapReader defaults, Request& out) {
  read_shared(defaults, out);
  defaults.finish();
}

void read_request(MapReader item, Request& out) {
  std::string id;
  if (item.read("id", id)) {
    if (is_id(id)) {
      out.id = id;
    } else {
      item.problem("id", item.path_of("id") + " is not valid", std::string{id_form},
                   describe(*item.find("id")));
    }
  }
  if (!item.has("prompt")) {
    item.problem("prompt", item.path_of("prompt") + " is missing", "text");
  } else if (item.read("prompt", out.prompt) && is_blank(out.prompt)) {
    item.problem("prompt", item.path_of("prompt") + " is empty", "text");
  }
  read_shared(item, out);
  item.finish();
}

}  // namespace ditmill::configs
