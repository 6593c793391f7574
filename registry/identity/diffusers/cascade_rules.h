#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "registry/identity/diffusers/words.h"

namespace ditmill::registry::cascade {

/// A branch of diffusers' cascade. The first of a depth whose conditions hold decides: it gives the type, or
/// the rules one deeper behind it do. If none of those holds, diffusers ends with an exception.
struct CascadeRule {
  int depth = 0;
  std::array<KeyCondition, 2> when;
  std::string_view type = {};                           ///< empty: deeper rules follow
  std::string_view otherwise = "an UnboundLocalError";  ///< if none of these holds
};

/// infer_diffusers_model_type of loaders/single_file_utils.py in diffusers 0.42.1, branch by branch. Against
/// the fact sheet's cascade of an earlier commit it has flux3, qwen-image-2.1, krea2 and minimax-h3 more.
inline constexpr std::array rules{
    CascadeRule{0, {any("inpainting"), size("inpainting", 1, 9)}},
    CascadeRule{1, {any("v2"), size("v2", -1, 1024)}, "inpainting_v2"},
    CascadeRule{1, {any("xl_base")}, "xl_inpaint"},
    CascadeRule{1, {in_any_case}, "inpainting"},
    CascadeRule{0, {any("v2"), size("v2", -1, 1024)}, "v2"},
    CascadeRule{0, {any("playground-v2-5")}, "playground-v2-5"},
    CascadeRule{0, {any("xl_base")}, "xl_base"},
    CascadeRule{0, {any("xl_refiner")}, "xl_refiner"},
    CascadeRule{0, {any("upscale")}, "upscale"},
    CascadeRule{0, {any("controlnet")}},
    CascadeRule{1, {any("controlnet_xl")}},
    CascadeRule{2, {any("controlnet_xl_large")}, "controlnet_xl_large"},
    CascadeRule{2, {any("controlnet_xl_mid")}, "controlnet_xl_mid"},
    CascadeRule{2, {in_any_case}, "controlnet_xl_small"},
    CascadeRule{1, {in_any_case}, "controlnet"},
    CascadeRule{0,
                {any("stable_cascade_stage_c"), size("stable_cascade_stage_c", 0, 1536)},
                "stable_cascade_stage_c_lite"},
    CascadeRule{0,
                {any("stable_cascade_stage_c"), size("stable_cascade_stage_c", 0, 2048)},
                "stable_cascade_stage_c"},
    CascadeRule{0,
                {any("stable_cascade_stage_b"), size("stable_cascade_stage_b", -1, 576)},
                "stable_cascade_stage_b_lite"},
    CascadeRule{0,
                {any("stable_cascade_stage_b"), size("stable_cascade_stage_b", -1, 640)},
                "stable_cascade_stage_b"},
    CascadeRule{0, {any_size("sd3", -1, 9216)}},
    CascadeRule{1, {prefixed(size("sd3 pos_embed", 1, 36864))}, "sd3"},
    CascadeRule{1, {prefixed(size("sd3 pos_embed", 1, 147456))}, "sd35_medium"},
    CascadeRule{0, {any("sd35_large")}, "sd35_large"},
    CascadeRule{0, {any("animatediff")}},
    CascadeRule{1, {any("animatediff_scribble")}, "animatediff_scribble"},
    CascadeRule{1, {any("animatediff_rgb")}, "animatediff_rgb"},
    CascadeRule{1, {any("animatediff_v2")}, "animatediff_v2"},
    CascadeRule{1, {size("animatediff_sdxl_beta", -1, 320)}, "animatediff_sdxl_beta"},
    CascadeRule{1, {size("animatediff", 1, 24)}, "animatediff_v1"},
    CascadeRule{1, {in_any_case}, "animatediff_v3"},
    CascadeRule{0, {any("flux2")}, "flux-2-dev"},
    CascadeRule{0, {any("flux3")}},
    CascadeRule{1, {any("flux3-distilled")}, "flux-3-image-distilled"},
    CascadeRule{1, {in_any_case}, "flux-3-image"},
    CascadeRule{0, {any("chroma")}, "chroma"},
    CascadeRule{0, {any("flux")}},
    CascadeRule{1, {any("flux guidance")}},
    CascadeRule{2, {prefixed(size("flux img_in", 1, 384))}, "flux-fill"},
    CascadeRule{2, {prefixed(size("flux img_in", 1, 128))}, "flux-depth"},
    CascadeRule{2, {in_any_case}, "flux-dev"},
    CascadeRule{1, {in_any_case}, "flux-schnell"},
    CascadeRule{0, {any("ltx-video")}},
    CascadeRule{1, {any_ends("ltx-video-0.9.7")}, "ltx-video-0.9.7"},
    CascadeRule{1, {any("ltx-video vae"), size("ltx-video vae width", 1, 2048)}, "ltx-video-0.9.5"},
    CascadeRule{1, {any("ltx-video-0.9.1")}, "ltx-video-0.9.1"},
    CascadeRule{1, {in_any_case}, "ltx-video"},
    CascadeRule{0, {any("autoencoder-dc")}},
    CascadeRule{1, {any("autoencoder-dc-sana")}, "autoencoder-dc-f32c32-sana"},
    CascadeRule{1,
                {size("autoencoder-dc encoder", -1, 64), size("autoencoder-dc decoder", 1, 32)},
                "autoencoder-dc-f32c32"},
    CascadeRule{1,
                {size("autoencoder-dc encoder", -1, 64), size("autoencoder-dc decoder", 1, 128)},
                "autoencoder-dc-f64c128"},
    CascadeRule{1, {in_any_case}, "autoencoder-dc-f128c512"},
    CascadeRule{0, {any("mochi-1-preview")}, "mochi-1-preview"},
    CascadeRule{0, {any("hunyuan-video")}, "hunyuan-video"},
    CascadeRule{0, {all("auraflow")}, "auraflow"},
    CascadeRule{0, {any("instruct-pix2pix"), size("instruct-pix2pix", 1, 8)}, "instruct-pix2pix"},
    CascadeRule{0, {any("z-image-turbo")}, "z-image-turbo"},
    CascadeRule{0, {any("lumina2")}, "lumina2"},
    CascadeRule{0, {any("sana")}, "sana"},
    CascadeRule{0, {any("wan")}},
    CascadeRule{1, {wan(any("wan_vace"))}},
    CascadeRule{2, {wan(size("wan patch", 0, 1536))}, "wan-vace-1.3B"},
    CascadeRule{2, {wan(size("wan patch", 0, 5120))}, "wan-vace-14B"},
    CascadeRule{1, {wan(any("wan_animate"))}, "wan-animate-14B"},
    CascadeRule{1, {wan(size("wan patch", 0, 1536))}, "wan-t2v-1.3B"},
    CascadeRule{1, {wan(size("wan patch", 0, 5120)), wan(size("wan patch", 1, 16))}, "wan-t2v-14B"},
    CascadeRule{1, {in_any_case}, "wan-i2v-14B"},
    CascadeRule{0, {any("qwen-image-2.1")}, "qwen-image-2.1"},
    CascadeRule{0, {any("krea2")}, "krea2"},
    CascadeRule{0, {any("wan_vae")}, "wan-t2v-14B"},
    CascadeRule{0, {any("hidream")}, "hidream"},
    CascadeRule{0, {all("cosmos-1.0")}, "", "a ValueError"},
    CascadeRule{1, {size("cosmos patch", 1, 68)}},
    CascadeRule{2, {size("cosmos patch", 0, 4096)}, "cosmos-1.0-t2w-7B"},
    CascadeRule{2, {in_any_case}, "cosmos-1.0-t2w-14B"},
    CascadeRule{1, {size("cosmos patch", 1, 72)}},
    CascadeRule{2, {size("cosmos patch", 0, 4096)}, "cosmos-1.0-v2w-7B"},
    CascadeRule{2, {in_any_case}, "cosmos-1.0-v2w-14B"},
    CascadeRule{0, {all("cosmos-2.0")}, "", "a ValueError"},
    CascadeRule{1, {size("cosmos patch", 1, 68)}},
    CascadeRule{2, {size("cosmos patch", 0, 2048)}, "cosmos-2.0-t2i-2B"},
    CascadeRule{2, {in_any_case}, "cosmos-2.0-t2i-14B"},
    CascadeRule{1, {size("cosmos patch", 1, 72)}},
    CascadeRule{2, {size("cosmos patch", 0, 2048)}, "cosmos-2.0-v2w-2B"},
    CascadeRule{2, {in_any_case}, "cosmos-2.0-v2w-14B"},
    CascadeRule{0, {any("z-image-turbo-controlnet-2.x")}},
    CascadeRule{1, {none("z-image before_proj")}, "z-image-turbo-controlnet-2.0"},
    CascadeRule{1, {all_zero("z-image before_proj")}, "z-image-turbo-controlnet-2.0"},
    CascadeRule{1, {in_any_case}, "z-image-turbo-controlnet-2.1"},
    CascadeRule{0, {any("z-image-turbo-controlnet")}, "z-image-turbo-controlnet"},
    CascadeRule{0, {any("ltx2")}, "ltx2-dev"},
    CascadeRule{0, {any("minimax-h3")}, "minimax-h3"},
    CascadeRule{0, {in_any_case}, "v1"},
};

}  // namespace ditmill::registry::cascade
