#include "registry/identity/unfinished_download.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "configs/error.h"
#include "configs/lower_case.h"
#include "registry/hasher.h"
#include "registry/identity/folder_names.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;

// What browsers, aria2, huggingface_hub, rclone, lftp, axel, torrents and file lockers' clients add to the
// name of what they are fetching; in lower case.
constexpr std::array<std::string_view, 28> control_suffixes{".aria2",       ".aria2__temp",
                                                            ".incomplete",  ".part",
                                                            ".partial",     ".crdownload",
                                                            ".download",    ".downloading",
                                                            ".tmp",         ".temp",
                                                            ".!qb",         ".!ut",
                                                            ".!bt",         ".bc!",
                                                            ".filepart",    ".opdownload",
                                                            ".unfinished",  ".xltd",
                                                            ".xltd.cfg",    ".td",
                                                            ".td.cfg",      ".st",
                                                            ".fdmdownload", ".jc!",
                                                            ".dwnload",     ".lftp-pget-status",
                                                            "_.gstmp",      ".aspera-ckpt"};
constexpr std::array<std::string_view, 7> weight_endings{".safetensors", ".pth",  ".pt",   ".bin",
                                                         ".ckpt",        ".json", ".model"};
constexpr std::string_view hub_folder = ".cache/huggingface/download";
constexpr std::string_view modelscope_folder = "._____temp";
constexpr int folders_above = 3;  // google/umt5-xxl/spiece.model is two below the model

/// The name without what makes it that of a control file; empty if it is none.
std::string_view controlled(std::string_view name) {
  const std::string small = lower_case(std::string{name});
  for (const std::string_view suffix : control_suffixes) {
    if (small.size() > suffix.size() && small.ends_with(suffix))
      return name.substr(0, name.size() - suffix.size());
  }
  return {};
}

/// `NAME`, or `NAME.ETAG`.
bool is_of(std::string_view controlled_name, std::string_view name) {
  return controlled_name.starts_with(name) &&
         (controlled_name.size() == name.size() || controlled_name[name.size()] == '.');
}

std::string control_file_beside(const std::string& folder, std::string_view name) {
  if (!is_folder(folder)) return {};
  for (const std::string& other : names_in(folder, true)) {
    // Told first by what costs least: of a thousand shards, each looks at all others.
    if (other.starts_with(name) && is_of(controlled(other), name)) return inside(folder, other);
  }
  return {};
}

/// What huggingface_hub calls a file's partial download since 0.26: base64 of a SHA-1.
std::string hub_hash(std::string_view name) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  Hasher hasher{Hasher::Kind::sha1};
  hasher.add(name);
  hasher.add(".metadata");
  const std::vector<std::uint8_t> digest = hasher.finish();
  std::string text;
  for (std::size_t i = 0; i < digest.size(); i += 3) {
    const auto byte = [&](std::size_t at) { return at < digest.size() ? std::uint32_t{digest[at]} : 0U; };
    const std::uint32_t bits = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (std::size_t k = 0; k < 4; ++k) {
      text += i + k > digest.size() ? '=' : digits[bits >> (18 - 6 * k) & 63];
    }
  }
  return text;
}

/// Whether a name says which file it is a part of: `README.md.ETAG`, or a hash.
bool says_which(std::string_view partial) {
  const auto dots = std::ranges::count(partial, '.');
  return dots > 1 || partial.substr(0, partial.find('.')).ends_with('=');
}

std::string partial_in_hub_folder(const std::string& folder, const std::string& name) {
  if (!is_folder(folder)) return {};
  const std::string hash = hub_hash(name);
  for (const std::string& other : names_in(folder)) {
    const std::string_view partial = controlled(other);
    if (partial.empty() || !other.ends_with(".incomplete")) continue;
    if (is_of(partial, name) || is_of(partial, hash) || !says_which(partial)) return inside(folder, other);
  }
  return {};
}

/// Parts that are kept below the model's folder, in folders like those of the files.
std::string partial_above(const fs::path& path) {
  const std::string name = path.filename().native();
  fs::path below;
  fs::path folder = path.parent_path();
  for (int i = 0; i < folders_above && !folder.empty(); ++i) {
    std::string found = partial_in_hub_folder((folder / hub_folder / below).native(), name);
    if (!found.empty()) return found;
    found = (folder / modelscope_folder / below / name).native();
    if (is_there(found)) return found;
    below = folder.filename() / below;
    folder = folder.parent_path();
  }
  return {};
}

}  // namespace

std::string control_file_of(const std::string& path) {
  const fs::path file{path};
  const auto folder_of = [](const fs::path& of) {
    return of.has_parent_path() ? of.parent_path() : fs::path{"."};
  };
  std::string found = control_file_beside(folder_of(file).native(), file.filename().native());
  if (!found.empty()) return found;
  found = partial_above(file.is_absolute() ? file : fs::path{"."} / file);
  if (!found.empty()) return found;
  std::error_code error;
  const fs::path target = fs::read_symlink(file, error);  // into the blobs of huggingface's cache
  if (error) return {};
  const fs::path blob = folder_of(file) / target;
  return control_file_beside(folder_of(blob).native(), blob.filename().native());
}

void refuse_unfinished(const std::string& path) {
  const std::string control = control_file_of(path);
  if (control.empty()) return;
  throw Error{
      Category::bad_input,
      "open a file",
      Where{.file = path},
      Expected{"a file whose download has finished"},
      Got{is_there(path) ? "the control file " + control + ", so that it is not whole"
                         : "no such file, but the control file " + control},
      "its download did not finish: fetch it again, and remove the control file if it is still there then"};
}

std::vector<std::string> control_files_in(const std::string& folder) {
  std::vector<std::string> found;
  if (!is_folder(folder)) return found;
  for (const std::string& name : names_in(folder)) {
    const std::string data = lower_case(std::string{controlled(name)});
    const bool of_weights = std::ranges::any_of(weight_endings, [&data](std::string_view ending) {
      return data.ends_with(ending) || data.find(std::string{ending} + ".") != std::string::npos;
    });
    if (of_weights || data.starts_with("unconfirmed ")) found.push_back(inside(folder, name));
  }
  const std::string hub = inside(folder, hub_folder);
  if (!is_folder(hub)) return found;
  for (const std::string& name : names_in(hub)) {
    if (name.ends_with(".incomplete")) found.push_back(inside(hub, name));
  }
  return found;
}

std::string unfinished_hint(const std::string& folder) {
  const std::vector<std::string> controls = control_files_in(folder);
  if (controls.empty()) return {};
  return controls.front() +
         (controls.size() > 1 ? " and " + std::to_string(controls.size() - 1) + " more are" : " is") +
         " of a download that did not finish: fetch the folder again";
}

}  // namespace ditmill::registry
