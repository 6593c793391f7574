#include "configs/other_names.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "configs/declared_fields.h"
#include "configs/dump.h"
#include "configs/pipeline_config.h"
#include "configs/request.h"

namespace ditmill::configs {
namespace {

/// What other tools call a setting of ours, in snake case; words after '|' are everyday ones.
struct OtherNames {
  std::string_view section;
  std::string_view ours;
  std::string_view theirs;
};

constexpr std::string_view requests = "requests.defaults";

constexpr std::array<OtherNames, 31> table{{
    {requests, "frames",
     "num_frames frame_num n_frames nframes num_frame frames_num number_of_frames frame_count video_length "
     "video_frames num_video_frames total_frames target_frames | length"},
    {requests, "negative_prompt",
     "neg_prompt n_prompt negprompt negative neg negative_text neg_text negative_caption sample_neg_prompt "
     "uncond_prompt unconditional_prompt undesired_content"},
    {requests, "width and height",
     "size image_size img_size video_size frame_size output_size sample_size target_size | dimensions wh hw"},
    {requests, "width", "w width_px image_width video_width frame_width output_width target_width img_width"},
    {requests, "height",
     "h height_px image_height video_height frame_height output_height target_height img_height"},
    {requests, "aspect_ratio", "ar aspect | ratio"},
    {requests, "seed",
     "base_seed noise_seed random_seed rng_seed manual_seed sampling_seed init_seed generator_seed "
     "global_seed initial_seed"},
    {requests, "samples",
     "num_samples n_samples num_videos num_videos_per_prompt num_images_per_prompt videos_per_prompt "
     "images_per_prompt samples_per_prompt num_outputs num_generations num_return_sequences n_iter "
     "batch_size batch_count | repeat repeats count"},
    {requests, "fps",
     "frame_rate framerate frames_per_second sample_fps save_fps export_fps video_fps output_fps target_fps"},
    {requests, "prompt", "| caption text positive positive_prompt prompt_text description"},
    {"pipeline", "steps",
     "num_inference_steps inference_steps num_steps n_steps sample_steps sampling_steps num_sampling_steps "
     "infer_steps denoising_steps denoise_steps ddim_steps diffusion_steps sampler_steps num_denoising_steps "
     "| timesteps num_timesteps"},
    {"pipeline", "guidance_scale",
     "cfg cfg_scale guidance guide_scale sample_guide_scale unconditional_guidance_scale guidance_strength "
     "embedded_cfg_scale embedded_guidance_scale true_cfg_scale text_guidance_scale cfg_guidance_scale "
     "cfg_strength | scale"},
    {"pipeline", "guidance_scale_2", "guide_scale_2 cfg_scale_2 guidance_2 low_noise_guidance_scale"},
    {"pipeline", "boundary",
     "boundary_ratio switch_dit_boundary expert_boundary switch_boundary moe_boundary boundary_step_ratio"},
    {"pipeline", "flow_shift",
     "shift sample_shift sigma_shift time_shift timestep_shift shift_scale snr_shift_scale sampling_shift"},
    {"pipeline", "solver",
     "sampler sampler_name sample_solver scheduler scheduler_name scheduler_type sampling_method solver_type "
     "solver_name sampler_index"},
    {"pipeline", "dtype", "torch_dtype weight_dtype param_dtype model_dtype mixed_precision | precision"},
    {"pipeline", "parallel", "parallel_config | device_ids num_gpus gpus"},
    {"pipeline", "loading", "loading load_strategy"},
    {"pipeline.parallel", "ulysses",
     "ulysses_degree sp_ulysses_degree ulysses_size sp_size sp_degree | ulysses"},
    {"pipeline.parallel", "ring", "ring_degree sp_ring_degree ring_size | ring"},
    {"pipeline.parallel", "cfg", "cfg_degree cfg_size cfg_parallel enable_cfg_parallel"},
    {"pipeline.parallel", "tp", "tp_degree tp_size tensor_parallel_size tensor_parallel_degree | tp"},
    {"pipeline.parallel", "pp", "pp_degree pp_size pipeline_parallel_size pipefusion_parallel_degree | pp"},
    {"pipeline.parallel", "dp", "dp_degree dp_size data_parallel_size data_parallel_degree | dp"},
    {"pipeline.parallel", "fsdp", "enable_fsdp use_fsdp dit_fsdp t5_fsdp fsdp"},
    {"pipeline.components.transformer", "attention",
     "attn_impl attention_impl attn_mode attention_mode attn_backend attention_backend attention_config "
     "use_sage_attention | attention"},
    {"pipeline.components.text_encoder", "offload",
     "cpu_offload offload_model t5_cpu enable_model_cpu_offload use_cpu_offload offload_config offload_type "
     "enable_cpu_offload | offload"},
    {"pipeline.components.text_encoder", "window", "text_window | window"},
    {"pipeline.components.vae", "tiling",
     "vae_tiling enable_tiling use_tiling enable_vae_tiling tiled tile_size | tiling"},
    {"model", "path",
     "| ckpt_dir ckpt_path checkpoint checkpoint_path checkpoint_dir model_path model_dir model_id "
     "pretrained_model_name_or_path pretrained_model model_base"},
}};

/// What the whole job writes and reads: never a field of a record.
constexpr std::array<OtherNames, 2> of_the_job{{
    {"output", "path",
     "output_dir out_dir outdir save_dir save_path save_file output_path output_folder run_dir"},
    {"requests", "file", "prompt_file prompts_file prompt_path prompt_list prompts prompt_txt input_file"},
}};

using Settings = std::map<std::string, Setting, std::less<>>;

void add(Settings& settings, const OtherNames& names, bool everyday) {
  std::string_view rest = names.theirs;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (word == "|") {
      everyday = true;
    } else {
      settings.try_emplace(std::string{word}, Setting{.section = std::string{names.section},
                                                      .name = std::string{names.ours},
                                                      .everyday = everyday});
    }
  }
}

/// Our own names first: layer 2's are those of its dump, which has every field.
Settings all_settings() {
  Settings settings;
  for (const std::string& field : request_field_names()) {
    settings[field] = {.section = std::string{requests}, .name = field};
  }
  nlohmann::json layer2 = dump_layer2(PipelineConfig{});
  layer2.erase("negative_prompt_suffix");  // a preset's own
  layer2.erase("text_window");             // a component's
  for (const auto& [field, value] : layer2.items()) {
    settings.try_emplace(field, Setting{.section = "pipeline", .name = field});
  }
  for (const Field& field : family_pipeline_fields()) {
    settings[field.name] = {.section = "pipeline", .name = field.name};
  }
  // Of layer 1, what could be meant for an item; path and digest are everyday words.
  for (const char* field : {"noop", "distilled"}) settings[field] = {.section = "model", .name = field};
  for (const OtherNames& names : table) add(settings, names, false);
  for (const OtherNames& names : of_the_job) add(settings, names, true);
  return settings;
}

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

/// In snake case: "CFG scale", "numFrames" and "num-frames" are cfg_scale and num_frames.
std::string snake_case(std::string_view name) {
  const std::size_t begin = std::min(name.find_first_not_of(" \t-_"), name.size());
  const std::size_t end = name.find_last_not_of(" \t-_:") + 1;
  std::string text;
  for (std::size_t i = begin; i < end; ++i) {
    const char c = name[i];
    if (is_upper(c)) {
      if (i > begin && name[i - 1] >= 'a' && name[i - 1] <= 'z') text += '_';
      text += static_cast<char>(c - 'A' + 'a');
    } else {
      text += c == ' ' || c == '-' ? '_' : c;
    }
  }
  return text;
}

}  // namespace

std::optional<Setting> setting_called(std::string_view name) {
  static const Settings settings = all_settings();
  const auto found = settings.find(snake_case(name));
  return found == settings.end() ? std::nullopt : std::optional{found->second};
}

bool is_called_prompt(std::string_view name) {
  constexpr std::size_t longest = 40;
  const std::string text = snake_case(name);
  if (const std::optional<Setting> setting = setting_called(text)) return setting->name == "prompt";
  const bool is_name = text.size() <= longest &&
                       text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
  const bool of_another = text.find("neg") != std::string::npos || text.find("_id") != std::string::npos;
  const bool named = text.find("prompt") != std::string::npos || text.find("caption") != std::string::npos;
  return is_name && named && !of_another;
}

}  // namespace ditmill::configs
