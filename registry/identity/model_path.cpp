#include "registry/identity/model_path.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>

#include "configs/error.h"
#include "configs/suggest.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/weight_listing.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_found = 5;
constexpr int deepest = 3;  // hub/models--ORG--NAME/snapshots/REVISION
constexpr std::size_t most_names = 1000;

bool is_repository_part(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
}

/// ORG/NAME of the hub that a text names: plain, or as a URL with what may follow (`/tree/main`); else empty.
std::string repository_in(std::string_view text) {
  bool url = false;
  for (const std::string_view begin : {"https:", "http:", "hf:", "hf-mirror:"}) {
    if (!text.starts_with(begin)) continue;
    url = true;
    text.remove_prefix(begin.size());
    break;
  }
  if (url) text.remove_prefix(std::min(text.find_first_not_of('/'), text.size()));
  for (const std::string_view host : {"huggingface.co/", "www.huggingface.co/", "hf.co/", "hf-mirror.com/",
                                      "modelscope.cn/models/", "www.modelscope.cn/models/"}) {
    if (!text.starts_with(host)) continue;
    url = true;
    text.remove_prefix(host.size());
    break;
  }
  if (!url && text.starts_with("./")) return {};
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return {};
  const std::string_view rest = text.substr(slash + 1);
  const std::size_t end = rest.find_first_of("/@:");
  if (!url && end != std::string_view::npos && end + 1 < rest.size()) return {};
  const std::string_view name = rest.substr(0, end);
  if (!is_repository_part(text.substr(0, slash)) || !is_repository_part(name)) return {};
  return std::string{text.substr(0, slash)} + "/" + std::string{name};
}

std::string download_hint(const std::string& repository) {
  const std::string name = repository.substr(repository.find('/') + 1);
  return repository +
         " is the name of a repository, not of a folder here, and ditmill downloads nothing: run `hf "
         "download " +
         repository + " --local-dir " + name +
         "` (`huggingface-cli download` in older versions), then give the folder " + name + " as model.path";
}

/// The path with `~` and variables as the shell would have them; empty if that is not known.
std::string expanded(std::string_view written) {
  std::string result;
  for (std::size_t at = 0; at < written.size();) {
    const std::string_view rest = written.substr(at);
    if (at == 0 && (rest == "~" || rest.starts_with("~/"))) {
      const char* home = std::getenv("HOME");
      if (home == nullptr) return {};
      result += home;
      at += 1;
    } else if (rest.front() == '$') {
      const bool braces = rest.size() > 1 && rest[1] == '{';
      const std::size_t begin = braces ? 2 : 1;
      std::size_t end = begin;
      while (end < rest.size() &&
             (std::isalnum(static_cast<unsigned char>(rest[end])) != 0 || rest[end] == '_'))
        ++end;
      const char* value = std::getenv(std::string{rest.substr(begin, end - begin)}.c_str());
      if (value == nullptr) return {};
      result += value;
      at += end + (braces && end < rest.size() ? 1 : 0);
    } else {
      result += rest.front();
      ++at;
    }
  }
  return result;
}

std::string shell_hint(std::string_view written) {
  const std::string path = expanded(written);
  return std::string{written.starts_with('~') ? "`~` is" : "variables are"} +
         " not expanded in a manifest: write the path out" + (path.empty() ? "" : ", " + path);
}

/// A name near to a missing one in its folder, or what else is wrong above it.
std::string near_hint(const std::string& path) {
  fs::path missing{path};
  if (!missing.has_filename()) missing = missing.parent_path();
  fs::path parent = missing.parent_path();
  while (!parent.empty() && parent != parent.root_path() && !is_there(parent.native())) {
    missing = parent;
    parent = parent.parent_path();
  }
  if (parent.empty()) parent = ".";
  if (!is_folder(parent.native())) return {};
  std::vector<std::string> names;
  try {
    names = names_in(parent.native());
  } catch (const Error&) {
    return {};  // a hint is no reason to fail
  }
  if (names.size() > most_names) names.resize(most_names);
  const std::string close = configs::nearest(missing.filename().native(), names);
  if (!close.empty()) return "did you mean " + printable(inside(parent.native(), close)) + "?";
  return missing == fs::path{path} ? "" : "there is no " + printable(missing.native());
}

bool holds(const std::string& folder, std::string_view name) { return is_there(inside(folder, name)); }

void find_models(const std::string& folder, int depth, std::vector<std::string>& found) {
  if (depth == 0 || found.size() == most_found) return;
  std::vector<std::string> names;
  try {
    names = names_in(folder);
  } catch (const Error&) {
    return;
  }
  if (names.size() > most_names) names.resize(most_names);
  for (const std::string& name : names) {
    const std::string path = inside(folder, name);
    if (found.size() == most_found || !is_folder(path)) continue;
    if (looks_like_model(path)) {
      found.push_back(path);
    } else {
      find_models(path, depth - 1, found);
    }
  }
}

}  // namespace

void refuse_missing_model(const std::string& path, std::string_view written) {
  std::string hint;
  const std::string repository = repository_in(written);
  if (written.starts_with('~') || written.find('$') != std::string_view::npos) {
    hint = shell_hint(written);
  } else if (const fs::path parent = fs::path{path}.parent_path();
             !repository.empty() &&
             (written.find(':') != std::string_view::npos || !is_there(parent.native()))) {
    hint = download_hint(repository);
  } else {
    hint = near_hint(path);
  }
  throw Error{Category::not_found,
              "open a model",
              Where{.file = path},
              Expected{"a model folder"},
              Got{"No such file or directory"},
              std::move(hint)};
}

bool looks_like_model(const std::string& folder) {
  if (holds(folder, "model_index.json")) return true;
  if (holds(folder, "transformer") && (holds(folder, "vae") || holds(folder, "text_encoder"))) return true;
  if (holds(folder, "high_noise_model") && holds(folder, "low_noise_model")) return true;
  return (holds(folder, "google") || holds(folder, "umt5-xxl")) && holds_weights(folder);
}

std::vector<std::string> models_inside(const std::string& folder) {
  std::vector<std::string> found;
  find_models(folder, deepest, found);
  return found;
}

}  // namespace ditmill::registry
