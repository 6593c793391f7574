#include "registry/identity/diffusers/diffusers_types.h"

#include <algorithm>
#include <array>

namespace ditmill::registry {
namespace {

namespace parts {

// Components that hold weights: the parameters of the pipelines' __init__ (diffusers 0.42.1) without
// tokenizers, schedulers, processors, and without what is optional and null in the repository's
// model_index.json. The last is not in diffusers' text; it is known of these repositories: no safety_checker
// with Stable Diffusion 2, only the second text encoder in SDXL's refiner, no image encoder in FLUX.1 and
// Chroma1, no transformer_2 in Wan 2.1, no fourth text encoder in HiDream's, no guardrail in Cosmos'.
constexpr DiffusersPart unet{"unet", "unet"};
constexpr DiffusersPart transformer{"transformer", "transformer"};
constexpr DiffusersPart vae{"vae", "vae"};
constexpr DiffusersPart text_encoder{"text_encoder", "text_encoder"};
constexpr DiffusersPart text_encoder_2{"text_encoder_2", "text_encoder_2"};
constexpr DiffusersPart text_encoder_3{"text_encoder_3", "text_encoder_3"};
constexpr DiffusersPart image_encoder{"image_encoder", "image_encoder"};
constexpr DiffusersPart audio_vae{"audio_vae", "audio_vae"};

constexpr std::array sd1{unet, vae, text_encoder, DiffusersPart{"safety_checker", "safety_checker"}};
constexpr std::array sd2{unet, vae, text_encoder};
constexpr std::array sdxl{unet, vae, text_encoder, text_encoder_2};
constexpr std::array sdxl_refiner{unet, vae, text_encoder_2};
constexpr std::array three_encoders{transformer, vae, text_encoder, text_encoder_2, text_encoder_3};
constexpr std::array one_encoder{transformer, vae, text_encoder};
constexpr std::array two_encoders{transformer, vae, text_encoder, text_encoder_2};
constexpr std::array with_image{transformer, vae, text_encoder, image_encoder};
constexpr std::array with_audio{transformer, vae, text_encoder, audio_vae};
constexpr std::array ltx2{transformer,
                          vae,
                          text_encoder,
                          audio_vae,
                          DiffusersPart{"connectors", "connectors"},
                          DiffusersPart{"vocoder", "vocoder"}};
constexpr DiffusersPart vqgan{"vqgan", "vqgan"};
constexpr std::array cascade_b{DiffusersPart{"decoder", "decoder"}, text_encoder, vqgan};
constexpr std::array cascade_b_lite{DiffusersPart{"decoder", "decoder_lite"}, text_encoder, vqgan};
constexpr std::array cascade_c{DiffusersPart{"prior", "prior"}, text_encoder, image_encoder};
constexpr std::array cascade_c_lite{DiffusersPart{"prior", "prior_lite"}, text_encoder, image_encoder};
// Repositories of one component.
constexpr std::array controlnet{DiffusersPart{"controlnet", ""}};
constexpr std::array motion{DiffusersPart{"motion_adapter", ""}};
constexpr std::array autoencoder{DiffusersPart{"vae", ""}};

}  // namespace parts

// name, repository, subfolder, pipeline, components, family, role. The pipeline is the class that the
// documentation of diffusers runs the repository with; of the two LTX-Video of 0.9.5 and later that is the
// one for pictures, too. FLUX.3 and MiniMax-H3 have modular pipelines only. The fact sheet lacks the last
// three rows and the two of FLUX.3.
constexpr std::array all_types{
    DiffusersType{"xl_base", "stabilityai/stable-diffusion-xl-base-1.0", "", "StableDiffusionXLPipeline",
                  parts::sdxl, "stable-diffusion-xl", "dit"},
    DiffusersType{"xl_refiner", "stabilityai/stable-diffusion-xl-refiner-1.0", "",
                  "StableDiffusionXLImg2ImgPipeline", parts::sdxl_refiner, "stable-diffusion-xl", "dit"},
    DiffusersType{"xl_inpaint", "diffusers/stable-diffusion-xl-1.0-inpainting-0.1", "",
                  "StableDiffusionXLInpaintPipeline", parts::sdxl, "stable-diffusion-xl", "dit"},
    DiffusersType{"playground-v2-5", "playgroundai/playground-v2.5-1024px-aesthetic", "",
                  "StableDiffusionXLPipeline", parts::sdxl, "stable-diffusion-xl", "dit"},
    DiffusersType{"upscale", "stabilityai/stable-diffusion-x4-upscaler", "", "StableDiffusionUpscalePipeline",
                  parts::sd2, "stable-diffusion", "dit"},
    DiffusersType{"inpainting", "stable-diffusion-v1-5/stable-diffusion-inpainting", "",
                  "StableDiffusionInpaintPipeline", parts::sd1, "stable-diffusion", "dit"},
    DiffusersType{"inpainting_v2", "stabilityai/stable-diffusion-2-inpainting", "",
                  "StableDiffusionInpaintPipeline", parts::sd2, "stable-diffusion", "dit"},
    DiffusersType{"controlnet", "lllyasviel/control_v11p_sd15_canny", "", "StableDiffusionControlNetPipeline",
                  parts::controlnet, "stable-diffusion", ""},
    DiffusersType{"controlnet_xl_large", "diffusers/controlnet-canny-sdxl-1.0", "",
                  "StableDiffusionXLControlNetPipeline", parts::controlnet, "stable-diffusion-xl", ""},
    DiffusersType{"controlnet_xl_mid", "diffusers/controlnet-canny-sdxl-1.0-mid", "",
                  "StableDiffusionXLControlNetPipeline", parts::controlnet, "stable-diffusion-xl", ""},
    DiffusersType{"controlnet_xl_small", "diffusers/controlnet-canny-sdxl-1.0-small", "",
                  "StableDiffusionXLControlNetPipeline", parts::controlnet, "stable-diffusion-xl", ""},
    DiffusersType{"v2", "stabilityai/stable-diffusion-2-1", "", "StableDiffusionPipeline", parts::sd2,
                  "stable-diffusion", "dit"},
    DiffusersType{"v1", "stable-diffusion-v1-5/stable-diffusion-v1-5", "", "StableDiffusionPipeline",
                  parts::sd1, "stable-diffusion", "dit"},
    DiffusersType{"stable_cascade_stage_b", "stabilityai/stable-cascade", "decoder",
                  "StableCascadeDecoderPipeline", parts::cascade_b, "stable-cascade", "dit"},
    DiffusersType{"stable_cascade_stage_b_lite", "stabilityai/stable-cascade", "decoder_lite",
                  "StableCascadeDecoderPipeline", parts::cascade_b_lite, "stable-cascade", "dit"},
    DiffusersType{"stable_cascade_stage_c", "stabilityai/stable-cascade-prior", "prior",
                  "StableCascadePriorPipeline", parts::cascade_c, "stable-cascade", "dit"},
    DiffusersType{"stable_cascade_stage_c_lite", "stabilityai/stable-cascade-prior", "prior_lite",
                  "StableCascadePriorPipeline", parts::cascade_c_lite, "stable-cascade", "dit"},
    DiffusersType{"sd3", "stabilityai/stable-diffusion-3-medium-diffusers", "", "StableDiffusion3Pipeline",
                  parts::three_encoders, "stable-diffusion-3", "dit"},
    DiffusersType{"sd35_large", "stabilityai/stable-diffusion-3.5-large", "", "StableDiffusion3Pipeline",
                  parts::three_encoders, "stable-diffusion-3", "dit"},
    DiffusersType{"sd35_medium", "stabilityai/stable-diffusion-3.5-medium", "", "StableDiffusion3Pipeline",
                  parts::three_encoders, "stable-diffusion-3", "dit"},
    DiffusersType{"animatediff_v1", "guoyww/animatediff-motion-adapter-v1-5", "", "AnimateDiffPipeline",
                  parts::motion, "animatediff", ""},
    DiffusersType{"animatediff_v2", "guoyww/animatediff-motion-adapter-v1-5-2", "", "AnimateDiffPipeline",
                  parts::motion, "animatediff", ""},
    DiffusersType{"animatediff_v3", "guoyww/animatediff-motion-adapter-v1-5-3", "", "AnimateDiffPipeline",
                  parts::motion, "animatediff", ""},
    DiffusersType{"animatediff_sdxl_beta", "guoyww/animatediff-motion-adapter-sdxl-beta", "",
                  "AnimateDiffSDXLPipeline", parts::motion, "animatediff", ""},
    DiffusersType{"animatediff_scribble", "guoyww/animatediff-sparsectrl-scribble", "",
                  "AnimateDiffSparseControlNetPipeline", parts::controlnet, "animatediff", ""},
    DiffusersType{"animatediff_rgb", "guoyww/animatediff-sparsectrl-rgb", "",
                  "AnimateDiffSparseControlNetPipeline", parts::controlnet, "animatediff", ""},
    DiffusersType{"auraflow", "fal/AuraFlow-v0.3", "", "AuraFlowPipeline", parts::one_encoder, "auraflow",
                  "dit"},
    DiffusersType{"flux-dev", "black-forest-labs/FLUX.1-dev", "", "FluxPipeline", parts::two_encoders, "flux",
                  "dit"},
    DiffusersType{"flux-fill", "black-forest-labs/FLUX.1-Fill-dev", "", "FluxFillPipeline",
                  parts::two_encoders, "flux", "dit"},
    DiffusersType{"flux-depth", "black-forest-labs/FLUX.1-Depth-dev", "", "FluxControlPipeline",
                  parts::two_encoders, "flux", "dit"},
    DiffusersType{"flux-schnell", "black-forest-labs/FLUX.1-schnell", "", "FluxPipeline", parts::two_encoders,
                  "flux", "dit"},
    DiffusersType{"flux-2-dev", "black-forest-labs/FLUX.2-dev", "", "Flux2Pipeline", parts::one_encoder,
                  "flux-2", "dit"},
    DiffusersType{"flux-3-image", "black-forest-labs/flux-3-image-klein-base", "", "Flux3ModularPipeline",
                  parts::one_encoder, "flux-3", "dit"},
    DiffusersType{"flux-3-image-distilled", "black-forest-labs/flux-3-image-klein", "",
                  "Flux3DistilledModularPipeline", parts::one_encoder, "flux-3", "dit"},
    DiffusersType{"chroma", "lodestones/Chroma1-HD", "", "ChromaPipeline", parts::one_encoder, "chroma",
                  "dit"},
    DiffusersType{"ltx-video", "diffusers/LTX-Video-0.9.0", "", "LTXPipeline", parts::one_encoder,
                  "ltx-video", "dit"},
    DiffusersType{"ltx-video-0.9.1", "diffusers/LTX-Video-0.9.1", "", "LTXPipeline", parts::one_encoder,
                  "ltx-video", "dit"},
    DiffusersType{"ltx-video-0.9.5", "Lightricks/LTX-Video-0.9.5", "", "LTXConditionPipeline",
                  parts::one_encoder, "ltx-video", "dit"},
    DiffusersType{"ltx-video-0.9.7", "Lightricks/LTX-Video-0.9.7-dev", "", "LTXConditionPipeline",
                  parts::one_encoder, "ltx-video", "dit"},
    DiffusersType{"autoencoder-dc-f128c512", "mit-han-lab/dc-ae-f128c512-mix-1.0-diffusers", "", "",
                  parts::autoencoder, "autoencoder-dc", "vae"},
    DiffusersType{"autoencoder-dc-f64c128", "mit-han-lab/dc-ae-f64c128-mix-1.0-diffusers", "", "",
                  parts::autoencoder, "autoencoder-dc", "vae"},
    DiffusersType{"autoencoder-dc-f32c32", "mit-han-lab/dc-ae-f32c32-mix-1.0-diffusers", "", "",
                  parts::autoencoder, "autoencoder-dc", "vae"},
    DiffusersType{"autoencoder-dc-f32c32-sana", "mit-han-lab/dc-ae-f32c32-sana-1.0-diffusers", "",
                  "SanaPipeline", parts::autoencoder, "autoencoder-dc", "vae"},
    DiffusersType{"mochi-1-preview", "genmo/mochi-1-preview", "", "MochiPipeline", parts::one_encoder,
                  "mochi", "dit"},
    DiffusersType{"hunyuan-video", "hunyuanvideo-community/HunyuanVideo", "", "HunyuanVideoPipeline",
                  parts::two_encoders, "hunyuan-video", "dit"},
    DiffusersType{"instruct-pix2pix", "timbrooks/instruct-pix2pix", "",
                  "StableDiffusionInstructPix2PixPipeline", parts::sd1, "stable-diffusion", "dit"},
    DiffusersType{"lumina2", "Alpha-VLLM/Lumina-Image-2.0", "", "Lumina2Pipeline", parts::one_encoder,
                  "lumina2", "dit"},
    DiffusersType{"sana", "Efficient-Large-Model/Sana_1600M_1024px_diffusers", "", "SanaPipeline",
                  parts::one_encoder, "sana", "dit"},
    DiffusersType{"wan-t2v-1.3B", "Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "", "WanPipeline", parts::one_encoder,
                  "wan", "dit"},
    DiffusersType{"wan-t2v-14B", "Wan-AI/Wan2.1-T2V-14B-Diffusers", "", "WanPipeline", parts::one_encoder,
                  "wan", "dit"},
    DiffusersType{"wan-i2v-14B", "Wan-AI/Wan2.1-I2V-14B-480P-Diffusers", "", "WanImageToVideoPipeline",
                  parts::with_image, "wan", "dit"},
    DiffusersType{"wan-animate-14B", "Wan-AI/Wan2.2-Animate-14B-Diffusers", "", "WanAnimatePipeline",
                  parts::with_image, "wan", "dit"},
    DiffusersType{"wan-vace-1.3B", "Wan-AI/Wan2.1-VACE-1.3B-diffusers", "", "WanVACEPipeline",
                  parts::one_encoder, "wan", "dit"},
    DiffusersType{"wan-vace-14B", "Wan-AI/Wan2.1-VACE-14B-diffusers", "", "WanVACEPipeline",
                  parts::one_encoder, "wan", "dit"},
    DiffusersType{"hidream", "HiDream-ai/HiDream-I1-Dev", "", "HiDreamImagePipeline", parts::three_encoders,
                  "hidream", "dit"},
    DiffusersType{"cosmos-1.0-t2w-7B", "nvidia/Cosmos-1.0-Diffusion-7B-Text2World", "",
                  "CosmosTextToWorldPipeline", parts::one_encoder, "cosmos", "dit"},
    DiffusersType{"cosmos-1.0-t2w-14B", "nvidia/Cosmos-1.0-Diffusion-14B-Text2World", "",
                  "CosmosTextToWorldPipeline", parts::one_encoder, "cosmos", "dit"},
    DiffusersType{"cosmos-1.0-v2w-7B", "nvidia/Cosmos-1.0-Diffusion-7B-Video2World", "",
                  "CosmosVideoToWorldPipeline", parts::one_encoder, "cosmos", "dit"},
    DiffusersType{"cosmos-1.0-v2w-14B", "nvidia/Cosmos-1.0-Diffusion-14B-Video2World", "",
                  "CosmosVideoToWorldPipeline", parts::one_encoder, "cosmos", "dit"},
    DiffusersType{"cosmos-2.0-t2i-2B", "nvidia/Cosmos-Predict2-2B-Text2Image", "",
                  "Cosmos2TextToImagePipeline", parts::one_encoder, "cosmos", "dit"},
    DiffusersType{"cosmos-2.0-t2i-14B", "nvidia/Cosmos-Predict2-14B-Text2Image", "",
                  "Cosmos2TextToImagePipeline", parts::one_encoder, "cosmos", "dit"},
    DiffusersType{"cosmos-2.0-v2w-2B", "nvidia/Cosmos-Predict2-2B-Video2World", "",
                  "Cosmos2VideoToWorldPipeline", parts::one_encoder, "cosmos", "dit"},
    DiffusersType{"cosmos-2.0-v2w-14B", "nvidia/Cosmos-Predict2-14B-Video2World", "",
                  "Cosmos2VideoToWorldPipeline", parts::one_encoder, "cosmos", "dit"},
    DiffusersType{"z-image-turbo", "Tongyi-MAI/Z-Image-Turbo", "", "ZImagePipeline", parts::one_encoder,
                  "z-image", "dit"},
    DiffusersType{"z-image-turbo-controlnet", "hlky/Z-Image-Turbo-Fun-Controlnet-Union", "",
                  "ZImageControlNetPipeline", parts::controlnet, "z-image", ""},
    DiffusersType{"z-image-turbo-controlnet-2.0", "hlky/Z-Image-Turbo-Fun-Controlnet-Union-2.0", "",
                  "ZImageControlNetPipeline", parts::controlnet, "z-image", ""},
    DiffusersType{"z-image-turbo-controlnet-2.1", "hlky/Z-Image-Turbo-Fun-Controlnet-Union-2.1", "",
                  "ZImageControlNetPipeline", parts::controlnet, "z-image", ""},
    DiffusersType{"ltx2-dev", "Lightricks/LTX-2", "", "LTX2Pipeline", parts::ltx2, "ltx-2", "dit"},
    DiffusersType{"qwen-image-2.1", "Qwen/Qwen-Image-2.1", "", "QwenImage21Pipeline", parts::one_encoder,
                  "qwen-image", "dit"},
    DiffusersType{"krea2", "krea/Krea-2-Raw", "", "Krea2Pipeline", parts::one_encoder, "krea2", "dit"},
    DiffusersType{"minimax-h3", "MiniMaxAI/MiniMax-H3", "", "MiniMaxH3ModularPipeline", parts::with_audio,
                  "minimax-h3", "dit"},
};

}  // namespace

std::span<const DiffusersType> diffusers_types() noexcept { return all_types; }

const DiffusersType* diffusers_type_named(std::string_view name) noexcept {
  const auto found = std::ranges::find(all_types, name, &DiffusersType::name);
  return found == all_types.end() ? nullptr : &*found;
}

}  // namespace ditmill::registry
