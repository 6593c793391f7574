#include "registry/identity/layout_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "registry/identity/catalog.h"
#include "registry/identity/name_rule_reader.h"
#include "registry/identity/yaml_json.h"

namespace ditmill::registry {
namespace {

using configs::MapReader;
using configs::YamlNode;

constexpr std::size_t longest_name = 128;
// What any catalog has stays far below: short texts must not stand for more than memory holds.
constexpr std::size_t most_tensors = 10'000;
constexpr std::size_t most_pairs = 1'000;

constexpr std::array<std::string_view, 10> roles{"dit",       "text_encoder",  "image_encoder", "vae",
                                                 "upsampler", "audio_decoder", "vocoder",       "vfi",
                                                 "sr",        "bundle"};
constexpr std::array<std::string_view, 2> layout_names{"diffusers", "official"};

void read_word(MapReader& reader, std::string_view key, std::string& out,
               std::span<const std::string_view> words) {
  if (!reader.has(key)) {
    reader.problem(key, reader.path_of(key) + " is missing",
                   fmt::format("one of {}", fmt::join(words, ", ")));
    return;
  }
  std::vector<configs::Choice<std::string_view>> choices;
  for (const std::string_view word : words) choices.push_back({word, word});
  std::string_view chosen;
  if (reader.read(key, chosen, std::span<const configs::Choice<std::string_view>>{choices})) out = chosen;
}

/// What sets tensors of a section apart.
struct Section {
  bool optional = false;
  std::string when = {};
};

std::vector<LayoutSize> read_shape(MapReader& reader, std::string_view key) {
  std::vector<LayoutSize> shape;
  const std::span<const YamlNode> items = reader.list(key);
  if (items.size() > most_dimensions) {
    reader.problem(key, "the shape is too long", "at most " + std::to_string(most_dimensions) + " sizes",
                   std::to_string(items.size()));
    return shape;
  }
  for (const YamlNode& item : items) {
    if (const std::optional<LayoutSize> size = parse_layout_size(item.text)) {
      shape.push_back(*size);
    } else {
      reader.problem_at(item, "the size is malformed", "a product such as 6*dim", printable(item.text));
    }
  }
  return shape;
}

/// What is stated of a tensor: its shape, or a mapping of that and how it is held.
LayoutTensor read_statement(MapReader& tensors, const std::string& name) {
  LayoutTensor stated;
  const YamlNode* value = tensors.find(name);
  if (value->kind != YamlNode::Kind::mapping) {
    stated.shape = read_shape(tensors, name);
    return stated;
  }
  static constexpr std::array<configs::Choice<Stage>, 2> stages{
      {{"first", Stage::first}, {"last", Stage::last}}};
  MapReader reader = tensors.map(name);
  stated.shape = read_shape(reader, "shape");
  reader.read("cut", stated.cut, {0, static_cast<int>(most_dimensions) - 1});
  reader.read("unit", stated.unit);
  reader.read("stage", stated.stage, std::span<const configs::Choice<Stage>>{stages});
  reader.read("float32", stated.float32);
  reader.finish();
  return stated;
}

/// Reads what is stated of a layout's tensors.
void read_tensors(MapReader tensors, const Section& section, std::vector<LayoutTensor>& out) {
  for (const std::string& name : tensors.keys()) {
    const std::optional<std::vector<LayoutTensor>> parsed = parse_layout_name(name);
    if (!parsed) {
      tensors.problem(name, "the tensor name is malformed", "a name with {q,k} or {symbol}", printable(name));
    }
    const LayoutTensor stated = read_statement(tensors, name);
    if (!parsed) continue;
    if (out.size() + parsed->size() > most_tensors) {
      tensors.problem(name, "a layout of too many tensors", "at most " + std::to_string(most_tensors));
      break;
    }
    for (const LayoutTensor& named : *parsed) {
      LayoutTensor tensor = stated;
      tensor.before = named.before;
      tensor.index = named.index;
      tensor.after = named.after;
      tensor.optional = section.optional;
      tensor.when = section.when;
      out.push_back(std::move(tensor));
    }
  }
  tensors.finish();
}

/// `tensors`, `optional`, and `when`: those that are there with a hyper-parameter.
void read_all_tensors(MapReader& reader, std::vector<LayoutTensor>& out) {
  read_tensors(reader.map("optional"), {.optional = true}, out);
  read_tensors(reader.map("tensors"), {}, out);
  MapReader when = reader.map("when");
  for (const std::string& symbol : when.keys()) read_tensors(when.map(symbol), {.when = symbol}, out);
}

void read_marks(MapReader& reader, Layout& layout) {
  std::vector<std::string> marks;
  reader.read("marks", marks);
  for (const std::string& mark : marks) {
    const std::optional<std::vector<LayoutTensor>> parsed = parse_layout_name(mark);
    if (parsed && layout.marks.size() + parsed->size() <= most_tensors) {
      layout.marks.insert(layout.marks.end(), parsed->begin(), parsed->end());
    } else {
      reader.problem("marks", "the tensor name is malformed", "a name with {0,1} or {symbol}",
                     printable(mark));
      break;
    }
  }
  if (layout.marks.empty())
    reader.problem("marks", reader.path_of("marks") + " is missing", "a list of tensor names");
}

/// A tensor of files that holds several of the layers' below each other, in the order of the list.
void read_parts(MapReader& names, const std::string& file, std::vector<NamePair>& out) {
  std::vector<std::string> layers;
  names.read(file, layers);
  for (std::size_t part = 0; part < layers.size(); ++part) {
    const std::optional<std::vector<NamePair>> pair = parse_name_pair(file, layers[part]);
    if (pair && pair->size() == 1) {
      out.push_back(pair->front());
      out.back().part = part;
      out.back().parts = layers.size();
    } else {
      names.problem(file, "the pair of names is malformed", "names of the layers with as many {n}",
                    printable(layers[part]));
    }
  }
}

void read_pairs(MapReader names, std::vector<NamePair>& out) {
  for (const std::string& file : names.keys()) {
    const YamlNode& layer = *names.find(file);
    if (layer.kind == YamlNode::Kind::sequence) {
      read_parts(names, file, out);
      continue;
    }
    const std::optional<std::vector<NamePair>> pairs =
        layer.kind == YamlNode::Kind::scalar || layer.kind == YamlNode::Kind::null
            ? parse_name_pair(file, layer.text)
            : std::nullopt;
    if (pairs && out.size() + pairs->size() > most_pairs) {
      names.problem(file, "a layout of too many pairs of names", "at most " + std::to_string(most_pairs));
      break;
    }
    if (pairs) {
      out.insert(out.end(), pairs->begin(), pairs->end());
    } else {
      names.problem(file, "the pair of names is malformed",
                    "a name of the layers with as many {n} and list words, or null", printable(layer.text));
    }
  }
}

/// Leaves out the tensors of the hyper-parameters that a layout does not have.
void read_lacks(MapReader& reader, std::vector<LayoutTensor>& tensors) {
  std::vector<std::string> lacks;
  reader.read("lacks", lacks);
  for (const std::string& symbol : lacks) {
    if (std::erase_if(tensors, [&](const LayoutTensor& tensor) { return tensor.when == symbol; }) > 0)
      continue;
    reader.problem("lacks", "no tensor is there with this hyper-parameter", "one that is in when",
                   printable(symbol));
  }
}

/// Gives tensors the names that they have in files. Those that get one name are one.
void rename_tensors(MapReader& reader, Layout& layout) {
  std::vector<LayoutTensor> renamed;
  std::set<std::string, std::less<>> names;
  for (LayoutTensor& tensor : layout.tensors) {
    const std::string name = file_name(tensor.pattern(), layout.pairs);
    const std::optional<std::vector<LayoutTensor>> parsed = parse_layout_name(name);
    if (!parsed || parsed->size() != 1) {
      reader.problem("names", "no name of a file follows for a tensor", "a name", printable(name));
      continue;
    }
    if (!names.insert(name).second) continue;
    tensor.before = parsed->front().before;
    tensor.index = parsed->front().index;
    tensor.after = parsed->front().after;
    renamed.push_back(std::move(tensor));
  }
  layout.tensors = std::move(renamed);
}

/// A mapping, as JSON.
void read_json(MapReader& reader, std::string_view key, std::string& out) {
  if (const YamlNode* value = reader.find(key); value != nullptr) out = to_json(*value).dump();
}

/// One layout of an architecture: the names of its tensors in files.
Layout read_layout_of(const YamlNode& node, const std::string& path, const std::string& file,
                      const Layout& architecture, std::vector<Problem>& problems) {
  MapReader reader{node, path, file, problems};
  Layout layout = architecture;
  read_layout_name(reader, layout.layout);
  read_marks(reader, layout);
  read_pairs(reader.map("names"), layout.pairs);
  layout.tiny.clear();
  read_json(reader, "config", layout.config);
  if (reader.has("tensors")) {
    layout.tensors.clear();
    read_all_tensors(reader, layout.tensors);
  } else {
    read_lacks(reader, layout.tensors);
    rename_tensors(reader, layout);
  }
  reader.finish();
  return layout;
}

}  // namespace

std::span<const std::string_view> role_names() noexcept { return roles; }

bool is_entry_name(std::string_view text) noexcept {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !text.empty() && text.size() <= longest_name && plain(text[0]) &&
         std::ranges::all_of(text, [&](char c) {
           return plain(c) || std::string_view{"._~-"}.find(c) != std::string_view::npos;
         });
}

void read_name(MapReader& reader, std::string_view key, std::string& out) {
  constexpr const char* form = "a name of letters, digits and ._~-, at most 128";
  if (!reader.has(key)) {
    reader.problem(key, reader.path_of(key) + " is missing", form);
  } else if (reader.read(key, out) && !is_entry_name(out)) {
    reader.problem(key, reader.path_of(key) + " is wrong", form, "'" + printable(out) + "'");
  }
}

void read_role(MapReader& reader, std::string& out) { read_word(reader, "role", out, roles); }

void read_layout_name(MapReader& reader, std::string& out) { read_word(reader, "layout", out, layout_names); }

Layout read_layout(const YamlNode& node, const std::string& path, const std::string& file,
                   std::vector<Problem>& problems) {
  MapReader reader{node, path, file, problems};
  Layout layout;
  read_name(reader, "family", layout.family);
  read_role(reader, layout.role);
  read_layout_name(reader, layout.layout);
  read_marks(reader, layout);
  read_all_tensors(reader, layout.tensors);
  const std::span<const YamlNode> rules = reader.list("names");
  for (std::size_t i = 0; i < rules.size(); ++i) {
    layout.names.push_back(read_name_rule(rules[i], path + ".names." + std::to_string(i), file, problems));
  }
  reader.finish();
  return layout;
}

/// The hyper-parameters that count the blocks of each list: one, or several in their order.
std::vector<std::string> read_block_lists(MapReader& reader) {
  std::vector<std::string> lists;
  const YamlNode* blocks = reader.find("blocks");
  if (blocks != nullptr && blocks->kind == YamlNode::Kind::sequence) {
    reader.read("blocks", lists);
  } else if (blocks != nullptr) {
    reader.read("blocks", lists.emplace_back());
  }
  return lists;
}

void read_architecture(const YamlNode& node, const std::string& path, const std::string& file,
                       std::vector<Layout>& architectures, std::vector<Layout>& layouts,
                       std::vector<Problem>& problems) {
  MapReader reader{node, path, file, problems};
  Layout architecture;
  read_name(reader, "name", architecture.architecture);
  read_name(reader, "family", architecture.family);
  read_role(reader, architecture.role);
  read_all_tensors(reader, architecture.tensors);
  read_json(reader, "tiny", architecture.tiny);
  const std::vector<std::string> blocks = read_block_lists(reader);
  for (LayoutTensor& tensor : architecture.tensors) {
    const auto list = std::ranges::find(blocks, tensor.index);
    if (list == blocks.end()) continue;
    tensor.stage = Stage::block;
    tensor.list = static_cast<std::size_t>(list - blocks.begin());
  }
  const std::span<const YamlNode> nodes = reader.list("layouts");
  std::set<std::string, std::less<>> names;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    Layout layout =
        read_layout_of(nodes[i], path + ".layouts." + std::to_string(i), file, architecture, problems);
    if (!names.insert(layout.layout).second) {
      reader.problem_at(nodes[i], "the architecture has this layout already", "each layout once",
                        printable(layout.layout));
      break;
    }
    layouts.push_back(std::move(layout));
  }
  architectures.push_back(std::move(architecture));
  reader.finish();
}
}  // namespace ditmill::registry
