#include "registry/identity/bystander.h"

#include <algorithm>
#include <array>
#include <string>

#include "configs/error.h"

namespace ditmill::registry {
namespace {

// In the names of factors, and of what is stored beside them.
constexpr std::array<std::string_view, 17> lora_words{"lora_A",
                                                      "lora_B",
                                                      "lora_up",
                                                      "lora_down",
                                                      "lora_mid",
                                                      "lora.up",
                                                      "lora.down",
                                                      "lora_linear_layer",
                                                      "lora_embedding_",
                                                      "lora_magnitude_vector",
                                                      "hada_w",
                                                      "hada_t",
                                                      "lokr_w",
                                                      "lokr_t",
                                                      "dora_scale",
                                                      "oft_blocks",
                                                      "ia3_l"};
constexpr std::array<std::string_view, 5> lora_ends{".alpha", ".diff", ".diff_b", ".diff_m", ".scale_diff"};
constexpr std::array<std::string_view, 4> lora_begins{"lora_unet_", "lora_te", "lycoris_",
                                                      "lora_transformer_"};
constexpr std::array<std::string_view, 6> optimizer_words{
    "exp_avg", "exp_avg_sq", "momentum_buffer", "optimizer_state", "max_exp_avg_sq", "grad_fp32"};

bool is_lora_name(std::string_view name) {
  return std::ranges::any_of(
             lora_words, [&](std::string_view word) { return name.find(word) != std::string_view::npos; }) ||
         std::ranges::any_of(lora_ends, [&](std::string_view end) { return name.ends_with(end); }) ||
         std::ranges::any_of(lora_begins, [&](std::string_view begin) { return name.starts_with(begin); });
}

bool is_optimizer_name(std::string_view name) {
  return std::ranges::any_of(
      optimizer_words, [&](std::string_view word) { return name.find(word) != std::string_view::npos; });
}

/// Of the dictionary of torch.optim, or within one that a checkpoint has.
bool is_in_optimizer(std::string_view name) {
  constexpr std::array<std::string_view, 5> dictionaries{"optimizer.", "optimizers.", "optimizer_state.",
                                                         "optimizer_states.", "optimizer_state_dict."};
  const bool numbered = name.starts_with("state.") && name.size() > 6 && name[6] >= '0' && name[6] <= '9';
  return numbered || is_optimizer_name(name) ||
         std::ranges::any_of(dictionaries,
                             [name](std::string_view dictionary) { return name.starts_with(dictionary); });
}

bool most_are(std::span<const NamedShape> tensors, bool (*has)(std::string_view)) {
  const auto count =
      std::ranges::count_if(tensors, [has](const NamedShape& tensor) { return has(tensor.name); });
  return static_cast<std::size_t>(count) * 2 > tensors.size();
}

}  // namespace

bool is_lora(std::span<const NamedShape> tensors) { return most_are(tensors, is_lora_name); }

bool is_optimizer_state(std::span<const NamedShape> tensors) {
  return !tensors.empty() && std::ranges::all_of(tensors, is_in_optimizer, &NamedShape::name);
}

std::string_view bystander(std::span<const NamedShape> tensors) {
  if (tensors.empty()) return {};
  if (is_lora(tensors)) return "a LoRA";
  if (is_optimizer_state(tensors) || most_are(tensors, is_optimizer_name)) return "the state of an optimizer";
  const bool layers = std::ranges::any_of(
      tensors, [](const NamedShape& tensor) { return tensor.name.find('.') != std::string_view::npos; });
  return layers ? "" : "tensors without the names of layers, such as latents or embeddings";
}

std::string unused_bystander(std::string_view path, std::string_view kind) {
  return std::string{path} + ": not used: it is " + std::string{kind} +
         (kind == "a LoRA" ? ", and this version merges none into the weights"
                           : ", and no weights of a model");
}

void refuse_lora(const Component& component, std::string_view role) {
  const WeightFile& file = component.files.front();
  throw Error{Category::bad_input,
              "open a model",
              Where{.file = file.path, .tensor = file.tensors.empty() ? "" : file.tensors.front().name},
              Expected{"the weights of a " + std::string{role.empty() ? "model" : role}},
              Got{"a LoRA, by the names of its tensors"},
              role.empty()
                  ? "a LoRA changes a model and is none: give the folder of the model it belongs to as "
                    "model.path (this version merges no LoRA)"
                  : "a LoRA changes a model and is none (and this version merges none): put the model's own "
                    "weights into this folder"};
}

}  // namespace ditmill::registry
