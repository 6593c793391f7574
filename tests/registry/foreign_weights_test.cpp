#include "registry/identity/foreign_weights.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "configs/error.h"
#include "registry/identity/model_folder.h"
#include "tests/jobs/temp_folder.h"
#include "tests/registry/safetensors_text.h"

namespace ditmill::registry {
namespace {

using testing::HasSubstr;

const char* const same_model = "take a BF16 or FP16 file of the same model";
const char* const beside = "the model's own weights lie beside it";

std::string refusal(const std::string& path) {
  try {
    open_model_folder(path, Catalog::built_in());
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::bad_input) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "accepted " << path;
  return {};
}

TEST(ForeignWeights, FilesAreNamedWithWhatToDo) {
  const tests::TempFolder folder;
  const struct {
    const char* name;
    const char* what;
    const char* cure;
  } rows[] = {
      {"wan-Q4_K_M.gguf", "weights of GGUF", same_model},
      {"model.onnx", "a graph of ONNX", same_model},
      {"model.onnx_data", "the weights of a graph of ONNX", same_model},
      {"openvino_model.bin", "OpenVINO", same_model},
      {"dit_bf16.engine", "an engine of TensorRT", same_model},
      {"dit.plan", "an engine of TensorRT", same_model},
      {"diffusion_flax_model.msgpack", "weights of Flax", same_model},
      {"tf_model.h5", "weights of TensorFlow", same_model},
      {"model.ckpt.index", "a checkpoint of TensorFlow", same_model},
      {"saved_model.pb", "a graph of TensorFlow", same_model},
      {"__0_0.distcp", "a checkpoint of torch.distributed (DCP)", "dcp_to_torch"},
      {"bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt", "an optimizer of DeepSpeed", "zero_to_fp32.py"},
      {"zero_pp_rank_0_mp_rank_00_model_states.pt", "a checkpoint of DeepSpeed", "zero_to_fp32.py"},
      {"optimizer.pt", "the state of an optimizer", beside},
      {"optimizer_1.bin", "the state of an optimizer", beside},
      {"scheduler.pt", "the state of a learning rate", beside},
      {"scaler.pt", "the state of a gradient scaler", beside},
      {"sampler.bin", "the state of a data sampler", beside},
      {"training_args.bin", "the settings of a training", beside},
      {"random_states_0.pkl", "the state of random generators", beside},
      {"rng_state_3.pth", "the state of random generators", beside},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    // Whatever is in it: bytes that nothing reads, or tensors.
    for (const std::string& bytes : {std::string(64, '\x7f'), tests::safetensors_of({{"x.weight", {1}}})}) {
      const std::string path = folder.write(std::string{row.name}, bytes);
      const std::optional<ForeignWeights> found = foreign_file(path);
      ASSERT_TRUE(found);
      EXPECT_THAT(found->what, HasSubstr(row.what));
      EXPECT_THAT(found->cure, HasSubstr(row.cure));
      if (bytes.front() != '\x7f' && is_foreign_name(row.name)) continue;  // tensors that are read
      EXPECT_THAT(refusal(path), testing::AllOf(HasSubstr(row.what), HasSubstr(row.cure)));
    }
  }
}

TEST(ForeignWeights, OthersAreNot) {
  for (const char* name : {"model.safetensors", "wan.ckpt", "Wan2.1_VAE.pth", "pytorch_model.bin",
                           "models_t5_umt5-xxl-enc-bf16.pth", "mp_rank_00_model_states.pt", "zero_to_fp32.py",
                           "optimizer.safetensors", "results.h5"}) {
    EXPECT_FALSE(foreign_file(name)) << name;
  }
}

TEST(ForeignWeights, FoldersAreNamedByWhatTellsMost) {
  const struct {
    std::vector<const char*> names;
    const char* what;
    const char* cure;
  } rows[] = {
      {{".metadata", "__0_0.distcp", "__1_0.distcp"},
       "a checkpoint of torch.distributed (DCP)",
       "dcp_to_torch "},
      {{"optimizer.pt", "pytorch_model_fsdp_0/__0_0.distcp", "pytorch_model_fsdp_0/.metadata"},
       "pytorch_model_fsdp_0/__0_0.distcp",
       "_fsdp_0 OUT.pth"},
      {{"pytorch_model_fsdp_0/__0_0.distcp", "random.txt"},
       "pytorch_model_fsdp_0/__0_0.distcp",
       "_fsdp_0 OUT.pth"},
      {{"latest", "zero_to_fp32.py", "global_step5/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt"},
       "a checkpoint of DeepSpeed",
       "where DeepSpeed is installed, in the folder of zero_to_fp32.py and latest: python "
       "zero_to_fp32.py . OUT --safe_serialization (an older script knows no such option, and OUT is a file: "
       "python zero_to_fp32.py . OUT.pth)"},
      {{"README.md", "wan-Q4_K_M.gguf"}, "weights of GGUF", same_model},
      {{"flax_model.msgpack", "config.json"}, "weights of Flax", same_model},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.names.front());
    const tests::TempFolder folder;
    for (const std::string name : row.names) {
      std::filesystem::create_directories(std::filesystem::path{folder / name}.parent_path());
      folder.write(name, "x");
    }
    EXPECT_THAT(refusal(folder.path()), testing::AllOf(HasSubstr(row.what), HasSubstr(row.cure)));
    // In the place of a component, too.
    const tests::TempFolder model;
    std::filesystem::copy(folder.path(), model / "transformer", std::filesystem::copy_options::recursive);
    EXPECT_THAT(refusal(model.path()), testing::AllOf(HasSubstr(row.what), HasSubstr(row.cure)));
  }
}

TEST(ForeignWeights, StatesOfOptimizersAreToldByTheirTensors) {
  const tests::TempFolder folder;
  const std::vector<std::vector<const char*>> states{
      {"state.0.step", "state.0.exp_avg", "state.0.exp_avg_sq", "state.11.step"},
      {"state.0.state1", "state.0.qmap1", "state.0.absmax1"},
      {"optimizer_states.0.state.0.momentum_buffer", "optimizer_states.0.state.0.step"},
      {"optimizer.state.blocks.0.weight.exp_avg", "optimizer.param_groups.0"}};
  const auto written = [&folder](const char* file, const std::vector<const char*>& names) {
    std::vector<std::pair<std::string, std::vector<std::uint64_t>>> shapes;
    for (const char* name : names) shapes.push_back({name, {1}});
    return folder.write(file, tests::safetensors_of(shapes));
  };
  for (const auto& names : states) {
    EXPECT_THAT(
        refusal(written("a.safetensors", names)),
        testing::AllOf(HasSubstr("the state of an optimizer"), HasSubstr(names.front()), HasSubstr(beside)));
  }
  // Weights beside it make a checkpoint of it.
  for (const auto& names : std::vector<std::vector<const char*>>{{"state.0.exp_avg", "state_dict.a.weight"},
                                                                 {"state.blocks.weight", "x.exp_avg"}}) {
    EXPECT_NO_THROW(open_model_folder(written("b.safetensors", names), Catalog::built_in()));
  }
}

}  // namespace
}  // namespace ditmill::registry
