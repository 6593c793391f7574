#include "models/wan/dims.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "configs/suggest.h"
#include "models/wan/names.h"

namespace ditmill::models::wan {
namespace {

// Far above any model, low enough that no product of two of them wraps.
constexpr std::uint64_t largest_size = std::uint64_t{1} << 30;
constexpr const char* doing = "bind the transformer's weights";

std::string text(const std::vector<std::uint64_t>& shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    out += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return out + "]";
}

/// Reads sizes off the shapes of one component.
class ShapeReader {
 public:
  explicit ShapeReader(const registry::Component& component)
      : label_(component.label), shapes_(component.shapes()) {}

  const Shapes& shapes() const { return shapes_; }

  std::int64_t size(const std::string& tensor, std::size_t rank, std::size_t index) const {
    const auto found = shapes_.find(tensor);
    if (found == shapes_.end()) {
      throw Error{Category::bad_input, doing, Where{.file = label_, .tensor = tensor},
                  Expected{"a tensor of this name, as every Wan transformer in the diffusers layout has"},
                  Got{"none"}};
    }
    const std::vector<std::uint64_t>& shape = found->second;
    if (shape.size() != rank || shape[index] == 0 || shape[index] > largest_size) {
      throw Error{
          Category::bad_input, doing, Where{.file = label_, .tensor = tensor},
          Expected{std::to_string(rank) + " dimensions, dimension " + std::to_string(index) + " at least 1"},
          Got{"shape " + text(shape)}};
    }
    return static_cast<std::int64_t>(shape[index]);
  }

  /// How many blocks there are, if they are numbered 0 .. n-1 without a gap.
  std::int64_t layers() const {
    constexpr std::string_view prefix = "blocks.";
    std::vector<std::uint64_t> numbers;
    for (auto it = shapes_.lower_bound(prefix); it != shapes_.end() && it->first.starts_with(prefix); ++it) {
      const std::string_view rest = std::string_view(it->first).substr(prefix.size());
      std::uint64_t number = 0;
      const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), number);
      if (parsed.ec == std::errc{} && parsed.ptr != rest.data() + rest.size() && *parsed.ptr == '.') {
        numbers.push_back(number);
      }
    }
    std::ranges::sort(numbers);
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (numbers[i] != i) {
        throw Error{Category::bad_input,
                    doing,
                    Where{.file = label_, .tensor = "blocks." + std::to_string(i)},
                    Expected{"blocks numbered from 0 without a gap"},
                    Got{"no block " + std::to_string(i) + ", but a block " + std::to_string(numbers[i])},
                    "a shard may be missing: fetch the component again"};
      }
    }
    return static_cast<std::int64_t>(numbers.size());
  }

 private:
  std::string label_;
  Shapes shapes_;
};

/// Compares config.json with what the shapes say. Fields never asked for are refused at the end.
class ConfigReader {
 public:
  explicit ConfigReader(const registry::Component& component)
      : file_(component.config_path.empty() ? component.label : component.config_path),
        config_(component.config) {}

  std::optional<std::int64_t> integer(const std::string& field) {
    const nlohmann::json* value = find(field);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number_integer() || *value < 1 || *value > largest_size) {
      throw Error{Category::bad_input, doing, where(field), Expected{"a whole number from 1"},
                  Got{printable(value->dump())}};
    }
    return value->get<std::int64_t>();
  }

  void agrees(const std::string& field, std::int64_t shapes_say) {
    const std::optional<std::int64_t> value = integer(field);
    if (value && *value != shapes_say) contradicts(field, shapes_say, *value);
  }

  [[noreturn]] void contradicts(const std::string& field, std::int64_t shapes_say, std::int64_t value) const {
    throw Error{Category::bad_input,
                doing,
                where(field),
                Expected{std::to_string(shapes_say) + ", as the weights' shapes say"},
                Got{std::to_string(value)},
                "the config.json belongs to other weights: fetch the component again"};
  }

  /// The only value ditmill can compute.
  void only(const std::string& field, const nlohmann::json& supported) {
    const auto found = config_.find(field);
    known_.push_back(field);
    if (found == config_.end() || *found == supported) return;
    throw Error{Category::unsupported,
                doing,
                where(field),
                Expected{supported.dump()},
                Got{printable(found->dump())},
                "this version runs Wan text-to-video transformers only"};
  }

  double eps(double otherwise) {
    const nlohmann::json* value = find("eps");
    if (value == nullptr) return otherwise;
    if (!value->is_number() || !(value->get<double>() > 0) || !(value->get<double>() < 1)) {
      throw Error{Category::bad_input, doing, where("eps"), Expected{"a number between 0 and 1"},
                  Got{printable(value->dump())}};
    }
    return value->get<double>();
  }

  /// Fields that begin with an underscore say who wrote the file, never what is computed.
  void finish() const {
    for (const auto& [field, value] : config_.items()) {
      if (field.starts_with('_') || std::ranges::find(known_, field) != known_.end()) continue;
      const std::string similar = configs::nearest(field, known_);
      throw Error{Category::unsupported,
                  doing,
                  where(field),
                  Expected{"a field of WanTransformer3DModel's configuration"},
                  Got{"\"" + printable(field, 80) + "\": " + printable(value.dump(), 80)},
                  similar.empty() ? "ditmill does not know what this field changes"
                                  : "did you mean " + similar + "?"};
    }
  }

  Where where(const std::string& field) const { return Where{.file = file_, .key = printable(field, 80)}; }

 private:
  const nlohmann::json* find(const std::string& field) {
    known_.push_back(field);
    const auto found = config_.find(field);
    return found == config_.end() || found->is_null() ? nullptr : &*found;
  }

  std::string file_;
  const nlohmann::json& config_;
  std::vector<std::string> known_;
};

/// Heads by the rule of contracts.md.
std::int64_t bind_heads(const registry::Component& component, ConfigReader& config, std::int64_t dim) {
  const std::optional<std::int64_t> official = config.integer("num_heads");
  const std::optional<std::int64_t> heads = config.integer("num_attention_heads");
  const std::optional<std::int64_t> width = config.integer("attention_head_dim");
  const auto divides = [&](const std::string& field, std::int64_t value) {
    if (dim % value == 0) return;
    throw Error{Category::bad_input, doing, config.where(field),
                Expected{"a divisor of " + std::to_string(dim) + ", the weights' width"},
                Got{std::to_string(value)}};
  };
  if (official) divides("num_heads", *official);
  if (heads) divides("num_attention_heads", *heads);
  if (width) divides("attention_head_dim", *width);
  if (heads && width && *heads * *width != dim) {
    config.contradicts("num_attention_heads", dim / *width, *heads);
  }
  if (official && heads && *official != *heads) config.contradicts("num_heads", *heads, *official);
  if (official && width && *official * *width != dim)
    config.contradicts("num_heads", dim / *width, *official);
  if (heads) return *heads;
  if (official) return *official;
  if (width) return dim / *width;

  const auto entry = component.identity.hyper_parameters.find("heads");
  if (entry != component.identity.hyper_parameters.end() && !entry->is_null()) {
    if (!entry->is_number_integer() || *entry < 1 || *entry > largest_size ||
        dim % entry->get<std::int64_t>() != 0) {
      throw Error{Category::bad_input, doing, Where{.file = component.label, .key = "hyper_parameters.heads"},
                  Expected{"a divisor of " + std::to_string(dim) + ", the weights' width"},
                  Got{printable(entry->dump()) + " in the catalog entry " + component.identity.variant}};
    }
    return entry->get<std::int64_t>();
  }
  if (dim % 128 == 0) return dim / 128;
  throw Error{
      Category::bad_input,
      doing,
      Where{.file = component.label},
      Expected{"the number of attention heads: num_attention_heads and attention_head_dim in config.json, "
               "hyper_parameters.heads in the catalog entry, or a width that is a multiple of 128"},
      Got{"none of the three; the width is " + std::to_string(dim)},
      "put the component's config.json beside its weights, or add heads to your catalog entry"};
}

void refuse_other_models(const registry::Component& component, const Shapes& shapes) {
  if (component.identity.layout == "official") {
    throw Error{Category::unsupported,          doing,
                Where{.file = component.label}, Expected{"the diffusers layout"},
                Got{"Wan's official layout"},   "use the model's -Diffusers repository"};
  }
  for (const auto& [name, shape] : shapes) {
    const bool image =
        name.find(".add_k_proj.") != std::string::npos || name.find("image_embedder.") != std::string::npos;
    if (image || name.starts_with("vace_")) {
      throw Error{Category::unsupported, doing, Where{.file = component.label, .tensor = name},
                  Expected{"a text-to-video transformer"},
                  Got{image ? "an image-to-video transformer" : "a VACE transformer"}};
    }
  }
}

void account_for_tensors(const registry::Component& component, const Shapes& shapes, const Dims& dims) {
  const Shapes expected = dit_shapes(dims);
  std::vector<std::string> wrong;
  for (const auto& [name, shape] : expected) {
    const auto found = shapes.find(name);
    if (found == shapes.end()) {
      wrong.push_back("missing " + name + " " + text(shape));
    } else if (found->second != shape) {
      wrong.push_back(name + " is " + text(found->second) + ", not " + text(shape));
    }
  }
  for (const auto& [name, shape] : shapes) {
    if (!expected.contains(name)) wrong.push_back("unexpected " + printable(name, 120) + " " + text(shape));
  }
  if (wrong.empty()) return;
  std::string got;
  constexpr std::size_t shown = 5;
  for (std::size_t i = 0; i < std::min(shown, wrong.size()); ++i) got += (i == 0 ? "" : "; ") + wrong[i];
  if (wrong.size() > shown) got += "; and " + std::to_string(wrong.size() - shown) + " more";
  throw Error{Category::bad_input, doing, Where{.file = component.label},
              Expected{std::to_string(expected.size()) + " tensors of a Wan transformer with " +
                       std::to_string(dims.layers) + " blocks of width " + std::to_string(dims.dim)},
              Got{got}};
}

void refuse_element_types(const registry::Component& component) {
  for (const registry::WeightFile& file : component.files) {
    for (const registry::TensorInfo& tensor : file.tensors) {
      using enum registry::ElementType;
      if (tensor.type == f32 || tensor.type == bf16 || tensor.type == f16) continue;
      throw Error{Category::unsupported, doing, Where{.file = file.path, .tensor = tensor.name},
                  Expected{"F32, BF16 or F16"}, Got{std::string(registry::name(tensor.type))}};
    }
  }
}

}  // namespace

nlohmann::json to_json(const Dims& d) {
  return {{"dim", d.dim},
          {"heads", d.heads},
          {"head_dim", d.head_dim},
          {"ffn_dim", d.ffn_dim},
          {"layers", d.layers},
          {"in_channels", d.in_channels},
          {"out_channels", d.out_channels},
          {"text_dim", d.text_dim},
          {"freq_dim", d.freq_dim},
          {"rope_max_seq_len", d.rope_max_seq_len},
          {"eps", d.eps}};
}

Dims dims_from_json(const nlohmann::json& json) {
  Dims d;
  d.dim = json.at("dim");
  d.heads = json.at("heads");
  d.head_dim = json.at("head_dim");
  d.ffn_dim = json.at("ffn_dim");
  d.layers = json.at("layers");
  d.in_channels = json.at("in_channels");
  d.out_channels = json.at("out_channels");
  d.text_dim = json.at("text_dim");
  d.freq_dim = json.at("freq_dim");
  d.rope_max_seq_len = json.at("rope_max_seq_len");
  d.eps = json.at("eps");
  return d;
}

Dims bind_dit(const registry::Component& component) {
  const ShapeReader shapes(component);
  refuse_other_models(component, shapes.shapes());
  refuse_element_types(component);

  Dims d;
  d.dim = shapes.size("patch_embedding.weight", 5, 0);
  d.in_channels = shapes.size("patch_embedding.weight", 5, 1);
  d.freq_dim = shapes.size("condition_embedder.time_embedder.linear_1.weight", 2, 1);
  d.text_dim = shapes.size("condition_embedder.text_embedder.linear_1.weight", 2, 1);
  d.ffn_dim = shapes.size("blocks.0.ffn.net.0.proj.weight", 2, 0);
  d.layers = shapes.layers();
  const std::int64_t out = shapes.size("proj_out.weight", 2, 0);
  if (out % (patch_edge * patch_edge) != 0) {
    throw Error{Category::bad_input, doing, Where{.file = component.label, .tensor = "proj_out.weight"},
                Expected{"a multiple of 4 rows: channels times the patch (1, 2, 2)"},
                Got{std::to_string(out)}};
  }
  d.out_channels = out / (patch_edge * patch_edge);

  ConfigReader config(component);
  config.only("patch_size", {1, 2, 2});
  config.only("qk_norm", "rms_norm_across_heads");
  config.only("cross_attn_norm", true);
  config.only("image_dim", nullptr);
  config.only("added_kv_proj_dim", nullptr);
  config.only("pos_embed_seq_len", nullptr);
  config.agrees("in_channels", d.in_channels);
  config.agrees("out_channels", d.out_channels);
  config.agrees("text_dim", d.text_dim);
  config.agrees("freq_dim", d.freq_dim);
  config.agrees("ffn_dim", d.ffn_dim);
  config.agrees("num_layers", d.layers);
  d.rope_max_seq_len = config.integer("rope_max_seq_len").value_or(d.rope_max_seq_len);
  const nlohmann::json& entry = component.identity.hyper_parameters;
  d.eps = config.eps(entry.contains("eps") && entry["eps"].is_number() ? entry["eps"].get<double>() : d.eps);
  d.heads = bind_heads(component, config, d.dim);
  d.head_dim = d.dim / d.heads;
  config.finish();

  if (d.head_dim % 2 != 0) {
    throw Error{Category::unsupported, doing, config.where("attention_head_dim"),
                Expected{"an even head width, for RoPE rotates pairs"}, Got{std::to_string(d.head_dim)}};
  }
  if (d.in_channels != d.out_channels) {
    throw Error{Category::unsupported, doing,
                Where{.file = component.label, .tensor = "patch_embedding.weight"},
                Expected{"as many input channels as output channels, " + std::to_string(d.out_channels) +
                         ": a text-to-video transformer"},
                Got{std::to_string(d.in_channels)}};
  }
  account_for_tensors(component, shapes.shapes(), d);
  return d;
}

}  // namespace ditmill::models::wan
