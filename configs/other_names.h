#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ditmill::configs {

/// A setting of a manifest, or a field of its requests, and the section that it belongs to.
struct Setting {
  std::string section;    ///< "pipeline", "pipeline.parallel", ...; of requests: "requests.defaults"
  std::string name;       ///< there; it may be two: "width and height"
  bool everyday = false;  ///< the word that it was found by means other things as often: as metadata, say

  bool of_requests() const noexcept { return section == "requests.defaults"; }
  std::string path() const { return section + "." + name; }
};

/// The setting that is likely meant by a name which is none where it stands: one of another section, or what
/// other tools (diffusers, Wan's own code, TeleFuser, ComfyUI, AUTOMATIC1111, HunyuanVideo, FastVideo, ...)
/// call it. Case does not count, and spaces, hyphens and underscores are alike: "CFG scale", "numFrames".
std::optional<Setting> setting_called(std::string_view name);

/// Whether a name is one that prompts go by elsewhere: prompt_en, caption, text, ...
bool is_called_prompt(std::string_view name);

}  // namespace ditmill::configs
