#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ditmill::registry {

/// Whether a name is what systems and editors leave in folders, and never part of a model: hidden (`._NAME`
/// and
/// `.DS_Store` of macOS, `.cache`), `__MACOSX`, backups (`NAME~`).
bool is_leftover(std::string_view name);
/// Names in a folder, sorted; without leftovers unless `hidden`. Throws Error(io) if it cannot be listed.
std::vector<std::string> names_in(const std::string& folder, bool hidden = false);
/// Whether a folder has an entry of that path: a link to nothing is one.
bool is_there(const std::string& path);
/// Whether a path is a folder, through links.
bool is_folder(const std::string& path);
/// The path of an entry of a folder.
std::string inside(std::string_view folder, std::string_view name);

}  // namespace ditmill::registry
