#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/results/files/run_directory.h"
#include "registry/byte_source.h"
#include "registry/component.h"

namespace ditmill::jobs::plan {

/// A file, and its stamp before it was read: one that changes while it is digested is digested again next
/// time.
struct StampedFile {
  std::string path;
  registry::FileStamp stamp;

  bool operator==(const StampedFile&) const = default;
};

/// Throws as registry::file_stamp().
StampedFile stamped(const std::string& path);
std::vector<StampedFile> stamped_files(const registry::Component& component);

/// What a digest was made of.
struct DigestSubject {
  std::vector<StampedFile> files;  ///< in the order in which they were digested
  std::string hyper_parameters;    ///< canonical JSON, as given to registry::digest_root()
};

/// The digest roots of a run directory's components (digests.json), so that a resumed job need not read its
/// weights to know its items.
class DigestCache {
 public:
  /// What the run directory remembers: nothing if it has no digests.json, or one that cannot be understood.
  static DigestCache read(const results::RunDirectory& run);

  /// The root of a component, if nothing of its subject has changed.
  std::optional<std::string> recall(std::string_view name, const DigestSubject& subject) const;
  void remember(const std::string& name, const DigestSubject& subject, const std::string& root);
  /// Durably. Throws Error: io, no_space.
  void write(const results::RunDirectory& run) const;

 private:
  struct Entry {
    std::vector<StampedFile> files;
    std::string hyper_parameters_sha256;
    std::string root;
  };
  std::map<std::string, Entry, std::less<>> by_name_;
};

}  // namespace ditmill::jobs::plan
