#include "registry/tools/digest_verify.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "configs/error.h"
#include "configs/list_text.h"
#include "registry/identity/catalog.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/weight_files.h"
#include "registry/tools/file_digest.h"
#include "registry/tools/open_weights.h"

namespace ditmill::registry {
namespace {

constexpr std::size_t most_named = 5;

bool is_at(const std::string& path, const std::string& place) {
  return path == place || (path.starts_with(place) && path[place.size()] == '/');
}

/// A path of the command line as records have it; of a folder, what it leads to.
std::string place_of(const std::string& path) {
  return whole_path(is_folder(path) ? inside(path, "") : path);
}

std::vector<DamagedRange> ranges_of(const FileDigest& recorded, const FileDigest& found) {
  std::vector<DamagedRange> ranges;
  const std::size_t both = std::min(recorded.leaves.size(), found.leaves.size());
  for (std::size_t i = 0; i < both; ++i) {
    if (recorded.leaves[i] == found.leaves[i]) continue;
    const std::uint64_t begin = i * leaf_bytes;
    const std::uint64_t end = std::min({begin + leaf_bytes, recorded.size, found.size});
    if (ranges.empty() || ranges.back().end != begin)
      ranges.push_back({.begin = begin, .end = end, .tensors = {}});
    ranges.back().end = end;
  }
  return ranges;
}

/// Says of each range whose bytes these are, as far as the header can be read.
void name_tensors_in(FileFault& fault) {
  std::vector<TensorInfo> tensors;
  try {
    tensors = read_weight_file(fault.path).files.front().tensors;
  } catch (const Error& error) {
    fault.what += std::string{"; no tensors can be named: "} + error.what();
    return;
  }
  std::uint64_t first = std::numeric_limits<std::uint64_t>::max();
  for (const TensorInfo& tensor : tensors) first = std::min(first, tensor.begin);
  for (DamagedRange& range : fault.ranges) {
    range.header = range.begin < first;
    for (const TensorInfo& tensor : tensors) {
      if (tensor.begin < range.end && range.begin < tensor.end) range.tensors.push_back(tensor.name);
    }
  }
}

/// What is wrong with a file; nothing if `what` is empty.
FileFault compare(const DigestedFile& recorded, const DigestedFile& found) {
  FileFault fault{.path = recorded.path, .what = {}, .ranges = ranges_of(recorded.digest, found.digest)};
  if (found.digest.size != recorded.digest.size) {
    fault.what =
        "it has " + std::to_string(found.digest.size) + " bytes, not " + std::to_string(recorded.digest.size);
  } else if (!fault.ranges.empty()) {
    fault.what = "bytes differ";
  } else if (found.sha256 != recorded.sha256) {
    fault.what = "its SHA-256 differs and no 4 MiB of it do: the record is damaged";
  }
  if (!fault.ranges.empty()) name_tensors_in(fault);
  return fault;
}

/// What lies at the paths and is not in the record; nothing where headers are damaged, which is said already.
std::vector<FileFault> unrecorded(std::span<const std::string> paths, const DigestRecord& record) {
  std::set<std::string> known;
  for (const DigestedFile& file : record.files) known.insert(file.path);
  std::vector<FileFault> faults;
  try {
    for (const std::string& file : files_of(paths, Catalog::built_in())) {
      if (std::string path = whole_path(file); !known.contains(path)) {
        faults.push_back({.path = std::move(path), .what = "it is not in the record", .ranges = {}});
      }
    }
  } catch (const Error&) {
    return {};
  }
  return faults;
}

std::string range_text(const DamagedRange& range) {
  std::string text = "bytes " + std::to_string(range.begin) + " to " + std::to_string(range.end) + ": ";
  if (range.header) text += "the header";
  const std::string tensors =
      some_of(range.tensors, most_named, [](const std::string& name) { return printable(name, max_shown); });
  if (!tensors.empty()) text += (range.header ? ", " : "") + tensors;
  return text + (range.header || !tensors.empty() ? "" : "of no tensor");
}

}  // namespace

std::vector<const DigestedFile*> recorded_at(std::span<const std::string> paths, const DigestRecord& record) {
  std::set<const DigestedFile*> chosen;
  for (const std::string& path : expand_patterns(paths)) {
    const std::string place = place_of(path);
    bool any = false;
    for (const DigestedFile& file : record.files) {
      if (!is_at(file.path, place)) continue;
      any = true;
      chosen.insert(&file);
    }
    if (any) continue;
    throw Error{Category::usage,
                "compare files with a record of digests",
                Where{.file = path},
                Expected{"a file of the record, or a folder that holds some"},
                Got{record.files.empty()
                        ? "an empty record"
                        : "only " + some_of(record.files, most_named,
                                            [](const DigestedFile& file) { return printable(file.path); })},
                "a record goes with its files: its paths are relative to its own folder"};
  }
  std::vector<const DigestedFile*> files;
  for (const DigestedFile& file : record.files) {
    if (chosen.contains(&file)) files.push_back(&file);
  }
  return files;
}

std::vector<FileFault> verify_digests(std::span<const std::string> paths, const DigestRecord& record) {
  std::vector<FileFault> faults;
  std::vector<const DigestedFile*> there;
  std::vector<std::string> readable;
  for (const DigestedFile* file : recorded_at(paths, record)) {
    if (is_there(file->path)) {
      there.push_back(file);
      readable.push_back(file->path);
    } else {
      faults.push_back({.path = file->path, .what = "it is missing", .ranges = {}});
    }
  }
  const std::vector<DigestedFile> found = digest_files(readable);
  for (std::size_t i = 0; i < found.size(); ++i) {
    FileFault fault = compare(*there[i], found[i]);
    if (!fault.what.empty()) faults.push_back(std::move(fault));
  }
  std::ranges::move(unrecorded(paths, record), std::back_inserter(faults));
  return faults;
}

nlohmann::json to_json(std::span<const FileFault> faults) {
  nlohmann::json list = nlohmann::json::array();
  for (const FileFault& fault : faults) {
    nlohmann::json ranges = nlohmann::json::array();
    for (const DamagedRange& range : fault.ranges) {
      ranges.push_back(
          {{"begin", range.begin}, {"end", range.end}, {"header", range.header}, {"tensors", range.tensors}});
    }
    list.push_back({{"path", fault.path}, {"what", fault.what}, {"ranges", std::move(ranges)}});
  }
  return list;
}

std::string faults_text(std::span<const FileFault> faults, std::size_t files) {
  if (faults.empty()) return std::to_string(files) + " files are as recorded\n";
  std::string text;
  for (const FileFault& fault : faults) {
    text += printable(fault.path, 4096) + ": " + fault.what + "\n";
    for (const DamagedRange& range : fault.ranges) text += "  " + range_text(range) + "\n";
  }
  return text;
}

}  // namespace ditmill::registry
