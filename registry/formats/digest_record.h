#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "registry/digest.h"

namespace ditmill::registry {

/// All digests of one file.
struct DigestedFile {
  std::string path;
  std::string sha256;  ///< hex
  FileDigest digest;

  /// The digest root of the file alone.
  std::string root() const { return digest_root({&digest, 1}, "{}"); }
};

/// The digest of a whole model, as `model.digest` in a manifest pins it.
struct ModelDigest {
  std::string path;
  std::string digest;  ///< empty: a job could not use the model, so it has none
  std::map<std::string, std::string, std::less<>> components;  ///< the digest roots by role
  std::string why;                                             ///< there is none
};

/// What `weights digest --write` keeps, and --verify compares with.
struct DigestRecord {
  std::vector<DigestedFile> files;
  std::vector<ModelDigest> models;
};

/// {format, files: [{path, bytes, sha256, leaves, root}], models: [{path, digest, components} or {path,
/// digest: null, why}]}. Paths below `folder` (absolute) are written relative to it, others absolute; with an
/// empty folder they stay as they are.
nlohmann::json to_json(const DigestRecord& record, const std::string& folder);
/// Lines as sha256sum writes them, then a line for each model.
std::string digest_text(const DigestRecord& record);

/// Parses what to_json() wrote, strictly: no unknown fields, as many leaves as the bytes have, roots that are
/// those of the leaves. Relative paths become those in the file's folder. `file` names it in messages. Throws
/// Error(bad_input).
DigestRecord parse_digest_record(std::string_view text, const std::string& file);

/// A path from the root, without `.`, `..` and links in the folders that it leads through; its last part
/// stays a link if it is one, unless the path ends in a slash or dots.
std::string whole_path(const std::string& path);

}  // namespace ditmill::registry
