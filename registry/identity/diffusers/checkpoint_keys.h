#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string_view>

namespace ditmill::registry::cascade {

/// Names of tensors under the id by which rules name them.
struct CheckpointKeys {
  static constexpr std::size_t most = 6;

  std::string_view id;
  std::array<std::string_view, most> all;  ///< those not used are empty

  constexpr std::span<const std::string_view> names() const {
    std::size_t count = 0;
    while (count < most && !all[count].empty()) ++count;
    return {all.data(), count};
  }
};

/// Before the names of a diffusion model in the checkpoints of Stable Diffusion's code and of ComfyUI.
inline constexpr std::string_view ldm_prefix = "model.diffusion_model.";

/// diffusers' CHECKPOINT_KEY_NAMES (loaders/single_file_utils.py of 0.42.1), in its order. Eight of them no
/// rule asks for: they tell text encoders apart. The fact sheet, of an earlier commit, lacks minimax-h3,
/// flux3, flux3-distilled, qwen-image-2.1 and krea2.
inline constexpr std::array checkpoint_keys{
    CheckpointKeys{"v1", {"model.diffusion_model.output_blocks.11.0.skip_connection.weight"}},
    CheckpointKeys{"v2", {"model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight"}},
    CheckpointKeys{"xl_base", {"conditioner.embedders.1.model.transformer.resblocks.9.mlp.c_proj.bias"}},
    CheckpointKeys{"xl_refiner", {"conditioner.embedders.0.model.transformer.resblocks.9.mlp.c_proj.bias"}},
    CheckpointKeys{"upscale", {"model.diffusion_model.input_blocks.10.0.skip_connection.bias"}},
    CheckpointKeys{"controlnet",
                   {"control_model.time_embed.0.weight", "controlnet_cond_embedding.conv_in.weight"}},
    CheckpointKeys{"controlnet_xl", {"add_embedding.linear_1.weight"}},
    CheckpointKeys{"controlnet_xl_large",
                   {"down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_k.weight"}},
    CheckpointKeys{"controlnet_xl_mid", {"down_blocks.1.attentions.0.norm.weight"}},
    CheckpointKeys{"playground-v2-5", {"edm_mean"}},
    CheckpointKeys{"inpainting", {"model.diffusion_model.input_blocks.0.0.weight"}},
    CheckpointKeys{"clip", {"cond_stage_model.transformer.text_model.embeddings.position_embedding.weight"}},
    CheckpointKeys{"clip_sdxl",
                   {"conditioner.embedders.0.transformer.text_model.embeddings.position_embedding.weight"}},
    CheckpointKeys{"clip_sd3",
                   {"text_encoders.clip_l.transformer.text_model.embeddings.position_embedding.weight"}},
    CheckpointKeys{"open_clip", {"cond_stage_model.model.token_embedding.weight"}},
    CheckpointKeys{"open_clip_sdxl", {"conditioner.embedders.1.model.positional_embedding"}},
    CheckpointKeys{"open_clip_sdxl_refiner", {"conditioner.embedders.0.model.text_projection"}},
    CheckpointKeys{"open_clip_sd3",
                   {"text_encoders.clip_g.transformer.text_model.embeddings.position_embedding.weight"}},
    CheckpointKeys{"stable_cascade_stage_b", {"down_blocks.1.0.channelwise.0.weight"}},
    CheckpointKeys{"stable_cascade_stage_c", {"clip_txt_mapper.weight"}},
    CheckpointKeys{"sd3",
                   {"joint_blocks.0.context_block.adaLN_modulation.1.bias",
                    "model.diffusion_model.joint_blocks.0.context_block.adaLN_modulation.1.bias"}},
    CheckpointKeys{"sd35_large",
                   {"joint_blocks.37.x_block.mlp.fc1.weight",
                    "model.diffusion_model.joint_blocks.37.x_block.mlp.fc1.weight"}},
    CheckpointKeys{"animatediff",
                   {"down_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.0.attention_"
                    "blocks.0.pos_encoder.pe"}},
    CheckpointKeys{"animatediff_v2", {"mid_block.motion_modules.0.temporal_transformer.norm.bias"}},
    CheckpointKeys{"animatediff_sdxl_beta",
                   {"up_blocks.2.motion_modules.0.temporal_transformer.norm.weight"}},
    CheckpointKeys{"animatediff_scribble", {"controlnet_cond_embedding.conv_in.weight"}},
    CheckpointKeys{"animatediff_rgb", {"controlnet_cond_embedding.weight"}},
    CheckpointKeys{"auraflow",
                   {"double_layers.0.attn.w2q.weight", "double_layers.0.attn.w1q.weight",
                    "cond_seq_linear.weight", "t_embedder.mlp.0.weight"}},
    CheckpointKeys{"flux",
                   {"double_blocks.0.img_attn.norm.key_norm.scale",
                    "model.diffusion_model.double_blocks.0.img_attn.norm.key_norm.scale"}},
    CheckpointKeys{"ltx-video",
                   {"model.diffusion_model.patchify_proj.weight",
                    "model.diffusion_model.transformer_blocks.27.scale_shift_table", "patchify_proj.weight",
                    "transformer_blocks.27.scale_shift_table", "vae.decoder.last_scale_shift_table",
                    "vae.decoder.up_blocks.9.res_blocks.0.conv1.conv.weight"}},
    CheckpointKeys{"autoencoder-dc", {"decoder.stages.1.op_list.0.main.conv.conv.bias"}},
    CheckpointKeys{"autoencoder-dc-sana", {"encoder.project_in.conv.bias"}},
    CheckpointKeys{"mochi-1-preview",
                   {"model.diffusion_model.blocks.0.attn.qkv_x.weight", "blocks.0.attn.qkv_x.weight"}},
    CheckpointKeys{"hunyuan-video", {"txt_in.individual_token_refiner.blocks.0.adaLN_modulation.1.bias"}},
    CheckpointKeys{"instruct-pix2pix", {"model.diffusion_model.input_blocks.0.0.weight"}},
    CheckpointKeys{"lumina2", {"model.diffusion_model.cap_embedder.0.weight", "cap_embedder.0.weight"}},
    CheckpointKeys{
        "z-image-turbo",
        {"model.diffusion_model.layers.0.adaLN_modulation.0.weight", "layers.0.adaLN_modulation.0.weight"}},
    CheckpointKeys{"z-image-turbo-controlnet", {"control_all_x_embedder.2-1.weight"}},
    CheckpointKeys{"z-image-turbo-controlnet-2.x", {"control_layers.14.adaLN_modulation.0.weight"}},
    CheckpointKeys{"minimax-h3", {"token_refiner.blocks.0.attn.qkv_proj.weight"}},
    CheckpointKeys{"sana",
                   {"blocks.0.cross_attn.q_linear.weight", "blocks.0.cross_attn.q_linear.bias",
                    "blocks.0.cross_attn.kv_linear.weight", "blocks.0.cross_attn.kv_linear.bias"}},
    CheckpointKeys{"wan", {"model.diffusion_model.head.modulation", "head.modulation"}},
    CheckpointKeys{"wan_vae", {"decoder.middle.0.residual.0.gamma"}},
    CheckpointKeys{"wan_vace", {"vace_blocks.0.after_proj.bias"}},
    CheckpointKeys{"wan_animate", {"motion_encoder.dec.direction.weight"}},
    CheckpointKeys{"hidream", {"double_stream_blocks.0.block.adaLN_modulation.1.bias"}},
    CheckpointKeys{"cosmos-1.0",
                   {"net.x_embedder.proj.1.weight", "net.blocks.block1.blocks.0.block.attn.to_q.0.weight",
                    "net.extra_pos_embedder.pos_emb_h"}},
    CheckpointKeys{"cosmos-2.0",
                   {"net.x_embedder.proj.1.weight", "net.blocks.0.self_attn.q_proj.weight",
                    "net.pos_embedder.dim_spatial_range"}},
    CheckpointKeys{
        "flux2",
        {"model.diffusion_model.single_stream_modulation.lin.weight", "single_stream_modulation.lin.weight"}},
    CheckpointKeys{"flux3",
                   {"model.diffusion_model.early_stream_modulations.image.lin.weight",
                    "early_stream_modulations.image.lin.weight"}},
    CheckpointKeys{"flux3-distilled",
                   {"model.diffusion_model.ref_time_in.in_layer.weight", "ref_time_in.in_layer.weight"}},
    CheckpointKeys{"chroma",
                   {"model.diffusion_model.distilled_guidance_layer.in_proj.bias",
                    "distilled_guidance_layer.in_proj.bias"}},
    CheckpointKeys{
        "ltx2",
        {"model.diffusion_model.av_ca_a2v_gate_adaln_single.emb.timestep_embedder.linear_1.weight",
         "vae.per_channel_statistics.mean-of-means", "audio_vae.per_channel_statistics.mean-of-means"}},
    CheckpointKeys{"qwen-image-2.1",
                   {"model.diffusion_model.txt_in.text_norm.weight", "txt_in.text_norm.weight"}},
    CheckpointKeys{"krea2",
                   {"model.diffusion_model.txtfusion.projector.weight", "txtfusion.projector.weight"}},
};

/// Names that the rules of diffusers have in their text, not in that table.
inline constexpr std::array keys_of_rules{
    CheckpointKeys{"sd3 pos_embed", {"pos_embed"}},
    CheckpointKeys{"flux guidance",
                   {"guidance_in.in_layer.bias", "model.diffusion_model.guidance_in.in_layer.bias"}},
    CheckpointKeys{"flux img_in", {"img_in.weight"}},
    CheckpointKeys{"ltx-video-0.9.7", {"transformer_blocks.47.scale_shift_table"}},
    CheckpointKeys{"ltx-video vae", {"vae.encoder.conv_in.conv.bias"}},
    CheckpointKeys{"ltx-video vae width", {"vae.encoder.conv_out.conv.weight"}},
    CheckpointKeys{"ltx-video-0.9.1", {"vae.decoder.last_time_embedder.timestep_embedder.linear_1.weight"}},
    CheckpointKeys{"autoencoder-dc encoder", {"encoder.project_in.conv.conv.bias"}},
    CheckpointKeys{"autoencoder-dc decoder", {"decoder.project_in.main.conv.weight"}},
    CheckpointKeys{"wan patch", {"patch_embedding.weight"}},
    CheckpointKeys{"cosmos patch", {"net.x_embedder.proj.1.weight"}},
    CheckpointKeys{"z-image before_proj", {"control_noise_refiner.0.before_proj.weight"}},
};

/// Names that tell what diffusers' rules take for something else (corrections.cpp).
inline constexpr std::array keys_of_corrections{
    CheckpointKeys{"ltx2 sound",
                   {"model.diffusion_model.av_ca_a2v_gate_adaln_single.emb.timestep_embedder.linear_1.weight",
                    "av_ca_a2v_gate_adaln_single.emb.timestep_embedder.linear_1.weight",
                    "model.diffusion_model.audio_patchify_proj.weight", "audio_patchify_proj.weight",
                    "audio_vae.per_channel_statistics.mean-of-means"}},
    CheckpointKeys{"wan image", {"img_emb.proj.0.weight"}},
    CheckpointKeys{"wan last image", {"img_emb.emb_pos"}},
    CheckpointKeys{"wan rate", {"fps_embedding.weight"}},
    CheckpointKeys{"wan in-context", {"blocks.0.block.self_attn.q.weight"}},
    CheckpointKeys{"hunyuan-video patch", {"img_in.proj.weight"}},
    CheckpointKeys{"hunyuan-video-1.5", {"byt5_in.fc1.weight", "vision_in.proj.0.weight"}},
    CheckpointKeys{"pixart", {"blocks.0.mlp.fc1.weight"}},
    CheckpointKeys{"flux2 modulation", {"single_stream_modulation.lin.weight"}},
};

/// The row of an id, or null.
template <std::size_t n>
constexpr const CheckpointKeys* row_of(const std::array<CheckpointKeys, n>& table, std::string_view id) {
  for (const CheckpointKeys& row : table) {
    if (row.id == id) return &row;
  }
  return nullptr;
}

/// The names of an id. In a constant, an unknown id does not compile.
constexpr std::span<const std::string_view> keys(std::string_view id) {
  if (const CheckpointKeys* row = row_of(checkpoint_keys, id)) return row->names();
  if (const CheckpointKeys* row = row_of(keys_of_rules, id)) return row->names();
  if (const CheckpointKeys* row = row_of(keys_of_corrections, id)) return row->names();
  throw std::logic_error{"no such id"};
}

}  // namespace ditmill::registry::cascade
