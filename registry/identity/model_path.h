#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ditmill::registry {

/// Throws the Error(not_found) for a model's path that does not exist, with what to type instead: how to
/// download a repository of huggingface's hub, `~` and variables written out, the names beside it that are
/// near. `written` is the path as the user wrote it.
[[noreturn]] void refuse_missing_model(const std::string& path, std::string_view written);
/// Whether a folder looks like a whole model: in diffusers' layout, or in the official one by its usual
/// files.
bool looks_like_model(const std::string& folder);
/// Folders of models inside a folder, also a snapshot of huggingface's cache; a few levels down, at most
/// five.
std::vector<std::string> models_inside(const std::string& folder);

}  // namespace ditmill::registry
