#include "registry/identity/remembered_digests.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "configs/error.h"
#include "registry/byte_source.h"
#include "registry/formats/digest_record.h"
#include "registry/identity/folder_names.h"

namespace ditmill::registry {
namespace {

constexpr std::uint64_t largest_digest_record = std::uint64_t{1} << 30;

/// What one record says of the files.
void take_record(const std::string& path, std::span<const WeightFile> files, std::vector<std::string>& out) {
  const FileStamp written = file_stamp(path);
  const DigestRecord record = parse_digest_record(read_text(path, largest_digest_record), path);
  for (const WeightFile& file : files) {
    const auto found = std::ranges::find(record.files, whole_path(file.path), &DigestedFile::path);
    if (found == record.files.end() || found->digest.size != file.size || file.mtime_ns > written.mtime_ns)
      continue;
    out.push_back(found->sha256);
    out.push_back(found->root().substr(std::string_view{"sha256:"}.size()));
  }
}

}  // namespace

std::vector<std::string> remembered_digests(std::span<const WeightFile> files,
                                            std::vector<std::string>& warnings) {
  std::vector<std::string> digests;
  if (files.empty()) return digests;
  std::filesystem::path folder = std::filesystem::path{whole_path(files.front().path)}.parent_path();
  for (int i = 0; i < 2; ++i, folder = folder.parent_path()) {
    const std::string path = (folder / digest_record_name).native();
    if (!is_there(path)) continue;
    try {
      take_record(path, files, digests);
    } catch (const Error& error) {
      warnings.push_back(path + ": not used: " + error.what());
    }
  }
  return digests;
}

}  // namespace ditmill::registry
