#include "registry/identity/weight_header.h"

#include <memory>
#include <utility>

#include "configs/error.h"
#include "registry/byte_source.h"
#include "registry/formats/safetensors.h"
#include "registry/formats/torch/pth.h"
#include "registry/identity/bystander.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/unfinished_download.h"
#include "registry/key_hash.h"

namespace ditmill::registry {

void refuse_set(const std::string& path, std::string expected, std::string got, std::string tensor,
                std::string hint) {
  throw Error{Category::bad_input,
              "gather the weight files of a component",
              Where{.file = path, .tensor = std::move(tensor)},
              Expected{std::move(expected)},
              Got{std::move(got)},
              std::move(hint)};
}

WeightFile read_weight_header(const std::string& path, bool allow_pickle,
                              std::vector<std::string>& warnings) {
  refuse_unfinished(path);
  const FileStamp stamp = file_stamp(path);
  const std::unique_ptr<ByteSource> source = open_file(path);
  WeightFile file{path, stamp.size, stamp.mtime_ns, stamp.inode, {}};
  if (!looks_like_pth(*source)) {
    file.tensors = read_safetensors_header(*source).tensors;
    return file;
  }
  if (!allow_pickle) {
    refuse_set(path, "safetensors, for the component has allow_pickle: false",
               "a file of torch.save, or another zip archive or pickle");
  }
  PthHeader header = read_pth_header(*source);
  file.tensors = std::move(header.tensors);
  // Of a plain dictionary of tensors, both are the hashes of its names and shapes.
  if (header.nested || !header.others.empty()) {
    file.dictionary_hash = std::move(header.key_hash);
    file.dictionary_hash_names = std::move(header.key_hash_names);
    file.nested = header.nested;
  }
  const std::string no_tensor = path + ": not a tensor: ";
  for (const std::string& other : header.others) warnings.push_back(no_tensor + other);
  return file;
}

std::string_view bystander_at(const std::string& path, bool allow_pickle) {
  try {
    std::vector<std::string> warnings;
    const WeightFile file = read_weight_header(path, allow_pickle, warnings);
    return bystander(named_shapes(file.tensors));
  } catch (const Error&) {
    return {};
  }
}

std::vector<std::string> take_bystanders(const std::string& folder, bool allow_pickle,
                                         std::vector<std::string>& names) {
  std::vector<std::string> taken;
  std::vector<std::string> left;
  for (const std::string& name : names) {
    (bystander_at(inside(folder, name), allow_pickle).empty() ? left : taken).push_back(name);
  }
  if (left.empty()) return {};
  names = std::move(left);
  return taken;
}

}  // namespace ditmill::registry
