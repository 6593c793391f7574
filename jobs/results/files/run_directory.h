#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace ditmill::jobs::results {

/// Names of what is in a run directory (contracts.md, "Run directory"); makes nothing.
class RunDirectory {
 public:
  explicit RunDirectory(std::string path) : path_(std::move(path)) {}

  const std::string& path() const noexcept { return path_; }
  std::string manifest() const { return path_ + "/manifest.yaml"; }
  std::string requests() const { return path_ + "/requests.jsonl"; }
  std::string config() const { return path_ + "/config.json"; }
  std::string outcome() const { return path_ + "/outcome.json"; }
  std::string stop_file() const { return path_ + "/STOP"; }
  std::string pilot() const { return path_ + "/pilot.json"; }
  std::string digests() const { return path_ + "/digests.json"; }
  std::string index() const { return path_ + "/results.h5"; }
  std::string epochs() const { return path_ + "/epochs"; }
  std::string journals() const { return path_ + "/journal"; }
  std::string loadings() const { return path_ + "/loading"; }
  std::string parts() const { return path_ + "/parts"; }
  std::string inputs() const { return path_ + "/inputs"; }
  /// A file that requests name, kept: inputs/SHA-256.
  std::string input(const std::string& sha256) const { return inputs() + "/" + sha256; }
  std::string submission() const { return path_ + "/submit"; }
  std::string logs() const { return path_ + "/logs"; }
  std::string shards() const { return path_ + "/shards"; }
  std::string shard(int index) const;  ///< shards/0002
  std::string spools() const { return path_ + "/spool"; }
  std::string statuses() const { return path_ + "/status"; }
  std::string spool(int epoch) const;               ///< spool/e0007
  std::string status(int epoch) const;              ///< status/e0007
  std::string epoch(int epoch) const;               ///< epochs/0007.json
  std::string loading(int epoch) const;             ///< loading/0007.json
  std::string journal(int epoch, int group) const;  ///< journal/e0007-g000.jsonl
  /// parts/e0007-g000/000001.h5, relative to path(). A folder holds at most 1,000 parts: beyond them
  /// parts/e0007-g000-01/001001.h5 and so on.
  static std::string part(int epoch, int group, int number);

  /// The folders whose files are published by the run's owner, each beside its temporary one.
  std::array<std::string, 3> published() const { return {path_, epochs(), loadings()}; }

  /// The file that tells a run to stop, its own or that of the array that it is a shard of, if one is there.
  std::optional<std::string> told_to_stop() const;

  /// A hint for where requests.jsonl is missing: what else it may be.
  std::string no_run_hint() const;

  /// Makes the folders. Throws Error(io).
  void create() const;
  /// Makes one, and those above it. Throws Error(io).
  static void make_folder(const std::string& folder);

 private:
  std::string path_;
};

}  // namespace ditmill::jobs::results
