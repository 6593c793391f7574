#include "registry/identity/foreign_weights.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "configs/error.h"
#include "configs/shell_word.h"
#include "registry/identity/bystander.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/model_folder.h"

namespace ditmill::registry {
namespace {

enum class ForeignKind {
  other,     ///< weights, or a part of them, in a form that is not read
  training,  ///< beside weights, and none
  sign,      ///< in a folder; the file itself is nothing that one would take for weights
};

struct ForeignRow {
  std::string_view begins;
  std::string_view ends;
  std::string_view what;
  std::string_view cure;  ///< `{}`: the folder
  ForeignKind kind = ForeignKind::other;
};

constexpr std::string_view same_model =
    "this version reads safetensors and files of torch.save only: take a BF16 or FP16 file of the same model";
constexpr std::string_view dcp = "a checkpoint of torch.distributed (DCP)";
constexpr std::string_view from_dcp =
    "make one file of it: python -m torch.distributed.checkpoint.format_utils dcp_to_torch {} OUT.pth";
constexpr std::string_view of_deepspeed = "a checkpoint of DeepSpeed, cut for its ranks";
constexpr std::string_view from_zero =
    "make one of it where DeepSpeed is installed, in the folder of zero_to_fp32.py and latest: python "
    "zero_to_fp32.py . OUT --safe_serialization (an older script knows no such option, and OUT is a file: "
    "python zero_to_fp32.py . OUT.pth)";
constexpr std::string_view beside_weights =
    "the model's own weights lie beside it: name these, or their folder";
constexpr std::string_view optimizer_state = "the state of an optimizer";
constexpr std::string_view random_state = "the state of random generators";

// Of several that a folder has, the first says what it is.
constexpr std::array foreign_rows{
    ForeignRow{"", ".distcp", dcp, from_dcp},
    ForeignRow{"zero_to_fp32", ".py", of_deepspeed, from_zero, ForeignKind::sign},
    ForeignRow{"", "_optim_states.pt", "the state of an optimizer of DeepSpeed", from_zero,
               ForeignKind::training},
    ForeignRow{"zero_pp_rank_", "_model_states.pt", of_deepspeed, from_zero},
    ForeignRow{"", ".gguf", "weights of GGUF, as llama.cpp and ComfyUI quantize them", same_model},
    ForeignRow{"", ".onnx", "a graph of ONNX", same_model},
    ForeignRow{"", ".onnx_data", "the weights of a graph of ONNX", same_model},
    ForeignRow{"", ".onnx.data", "the weights of a graph of ONNX", same_model},
    ForeignRow{"openvino_", ".bin", "the weights of a graph of OpenVINO", same_model},
    ForeignRow{"openvino_", ".xml", "a graph of OpenVINO", same_model},
    ForeignRow{"", ".engine", "an engine of TensorRT, which is of one kind of GPU", same_model},
    ForeignRow{"", ".plan", "an engine of TensorRT, which is of one kind of GPU", same_model},
    ForeignRow{"", ".msgpack", "weights of Flax", same_model},
    ForeignRow{"tf_model", ".h5", "weights of TensorFlow", same_model},
    ForeignRow{"", ".ckpt.index", "a checkpoint of TensorFlow", same_model},
    ForeignRow{"", ".ckpt.meta", "a checkpoint of TensorFlow", same_model},
    ForeignRow{"saved_model", ".pb", "a graph of TensorFlow", same_model},
    ForeignRow{"", ".tflite", "a graph of TensorFlow Lite", same_model},
    ForeignRow{"optimizer", ".pt", optimizer_state, beside_weights, ForeignKind::training},
    ForeignRow{"optimizer", ".bin", optimizer_state, beside_weights, ForeignKind::training},
    ForeignRow{"scheduler", ".pt", "the state of a learning rate", beside_weights, ForeignKind::training},
    ForeignRow{"scheduler", ".bin", "the state of a learning rate", beside_weights, ForeignKind::training},
    ForeignRow{"scaler", ".pt", "the state of a gradient scaler", beside_weights, ForeignKind::training},
    ForeignRow{"sampler", ".bin", "the state of a data sampler", beside_weights, ForeignKind::training},
    ForeignRow{"training_args", ".bin", "the settings of a training", beside_weights, ForeignKind::training},
    ForeignRow{"random_states_", ".pkl", random_state, beside_weights, ForeignKind::training},
    ForeignRow{"rng_state", ".pth", random_state, beside_weights, ForeignKind::training},
};

const ForeignRow* foreign_row(std::string_view name) {
  const auto found = std::ranges::find_if(foreign_rows, [name](const ForeignRow& row) {
    return name.size() >= row.begins.size() + row.ends.size() && name.starts_with(row.begins) &&
           name.ends_with(row.ends);
  });
  return found == foreign_rows.end() ? nullptr : &*found;
}

ForeignWeights with_cure(const ForeignRow& row, const std::string& name, const std::string& folder) {
  std::string cure{row.cure};
  if (const std::size_t at = cure.find("{}"); at != std::string::npos)
    cure.replace(at, 2, folder.empty() ? "." : shell_word(folder));
  return {.name = name, .what = std::string{row.what}, .cure = std::move(cure)};
}

/// A row, and the name in a folder that is of it.
struct FolderSign {
  const ForeignRow* row = nullptr;
  std::string name;
};

/// What tells most among the names in a folder itself.
FolderSign sign_in(const std::string& folder) {
  FolderSign best;
  for (std::string& name : names_in(folder)) {
    const ForeignRow* row = foreign_row(name);
    if (row != nullptr && (best.row == nullptr || row < best.row)) best = {row, std::move(name)};
  }
  return best;
}

}  // namespace

std::optional<ForeignWeights> foreign_file(const std::string& path) {
  const std::filesystem::path file{path};
  const std::string name = file.filename().native();
  const ForeignRow* row = foreign_row(name);
  if (row == nullptr || row->kind == ForeignKind::sign) return std::nullopt;
  return with_cure(*row, name, file.parent_path().native());
}

std::optional<ForeignWeights> foreign_folder(const std::string& folder) {
  FolderSign best = sign_in(folder);
  std::string place = folder;
  for (const std::string& name : names_in(folder)) {
    const std::string inner = inside(folder, name);
    if (!is_folder(inner)) continue;
    FolderSign sign = sign_in(inner);
    if (sign.row == nullptr || (best.row != nullptr && best.row <= sign.row)) continue;
    best = {sign.row, inside(name, sign.name)};
    place = inner;
  }
  if (best.row == nullptr) return std::nullopt;
  return with_cure(*best.row, best.name, place);
}

bool is_foreign_name(std::string_view name) {
  const ForeignRow* row = foreign_row(name);
  return row != nullptr && row->kind == ForeignKind::other;
}

bool is_training_name(std::string_view name) {
  const ForeignRow* row = foreign_row(name);
  return row != nullptr && row->kind == ForeignKind::training;
}

void refuse_training_state(const Component& component) {
  const WeightFile& file = component.files.front();
  const std::optional<ForeignWeights> named = foreign_file(file.path);
  const bool by_name = named && is_training_name(named->name);
  const std::vector<NamedShape> tensors = all_shapes(component);
  if (!by_name && !is_optimizer_state(tensors)) return;
  throw Error{Category::bad_input,
              "open weights",
              Where{.file = file.path, .tensor = by_name ? std::string{} : std::string{tensors.front().name}},
              Expected{"the weights of a model"},
              Got{by_name ? named->what + ", by its name"
                          : std::string{optimizer_state} + ", by the names of its tensors"},
              by_name ? named->cure : std::string{beside_weights}};
}

}  // namespace ditmill::registry
