#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/results/files/run_directory.h"
#include "registry/component.h"

namespace ditmill::jobs::plan {

/// What tells that a file has not been touched.
struct FileStamp {
  std::string path;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t inode = 0;

  bool operator==(const FileStamp&) const = default;
};

/// Take stamps before a file is read: one that changes while it is digested is then digested again next time.
FileStamp stamp_file(const std::string& path);  ///< throws Error: not_found, io
std::vector<FileStamp> stamps_of(const registry::Component& component);

/// What a digest was made of.
struct DigestSubject {
  std::vector<FileStamp> files;  ///< in the order in which they were digested
  std::string hyper_parameters;  ///< canonical JSON, as given to registry::digest_root()
};

/// The digest roots of a run directory's components (digests.json), so that a resumed job need not read its
/// weights to know its items.
class DigestCache {
 public:
  /// What the run directory remembers: nothing if it has no digests.json, or one that cannot be understood.
  static DigestCache read(const results::RunDirectory& run);

  /// The root of a role, if nothing of its subject has changed.
  std::optional<std::string> recall(std::string_view role, const DigestSubject& subject) const;
  void remember(const std::string& role, const DigestSubject& subject, const std::string& root);
  /// Durably. Throws Error: io, no_space.
  void write(const results::RunDirectory& run) const;

 private:
  struct Entry {
    std::vector<FileStamp> files;
    std::string hyper_parameters_sha256;
    std::string root;
  };
  std::map<std::string, Entry, std::less<>> by_role_;
};

}  // namespace ditmill::jobs::plan
