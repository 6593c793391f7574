#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "configs/error.h"
#include "jobs/requests/items/item.h"
#include "jobs/results/files/run_directory.h"
#include "jobs/results/store/output_config.h"
#include "jobs/results/store/part_committer.h"

namespace ditmill::jobs::results {

/// Attributes that all items of a job share.
struct StoreProvenance {
  std::string model_key_hash;
  std::string weights_digest;
  std::string manifest_sha256;
  std::string ditmill_version;
  nlohmann::json layer1;  ///< layer1_model_definition of the dump
  nlohmann::json layer2;  ///< layer2_inference_config of the dump
  int steps = 0;
  double guidance = 0;
  int threads = 0;  ///< of a rank: the last bits of sums depend on it
};

/// Tokens of a text, its end with them, and how many of these its encoder did not see.
struct TokenCount {
  std::int64_t tokens = 0;  ///< 0: the text was not encoded, as in a rehearsal
  std::int64_t cut = 0;
};

/// The values of an output that a model's family declares.
struct OutputArray {
  std::vector<std::byte> bytes;
  std::vector<std::int64_t> shape;
};

/// A finished item, as the group that made it hands it to its store.
struct FinishedItem {
  const requests::Item* item = nullptr;
  int attempt = 1;
  std::string started = {};               ///< ISO 8601, UTC
  std::vector<std::uint8_t> frames = {};  ///< T*H*W*3; empty if not kept
  std::vector<std::uint8_t> video = {};   ///< an MP4 file as output.video says; empty if not kept
  std::vector<float> latents = {};        ///< C*T*H*W; empty if not kept
  std::array<std::int64_t, 4> latent_shape{};
  std::map<std::string, OutputArray> more = {};  ///< of family_outputs(), those that are kept
  TokenCount text = {};
  TokenCount negative = {};
  double seconds_text = 0;
  double seconds_denoise = 0;
  double seconds_decode = 0;  ///< latents to frames, and these to a video
};

/// When an open part is sealed. Tests change it.
struct SealLimits {
  std::size_t items = 256;                         ///< auto: the most items
  std::chrono::milliseconds age{5000};             ///< auto: since the part's first item
  double slow_item_seconds = 1.0;                  ///< auto: an item that took longer is not kept waiting
  std::uint64_t bytes = std::uint64_t{256} << 20;  ///< always: an open part is kept in memory
  bool behind =
      false;  ///< a sealed part goes to disk while the next one is built; a later call acknowledges it
};

/// One dp group's results in one epoch: the only writer of its parts and its journal. Items are gathered into
/// a part; a seal closes it, makes it durable, then journals its items: only then are they acknowledged.
class GroupStore {
 public:
  GroupStore(RunDirectory run, int epoch, int group, OutputConfig output, StoreProvenance provenance,
             SealLimits limits = {});
  GroupStore(const GroupStore&) = delete;
  GroupStore& operator=(const GroupStore&) = delete;
  ~GroupStore();  ///< drops what is not sealed: its items are pending again

  /// Journals that an item begins. Throws Error: io, no_space.
  void start(const requests::Item& item, int attempt);
  /// Adds a finished item, and seals if the part is full (items_per_part; auto: 1 where items take over a
  /// second, else up to 256 items or 5 seconds; 256 MiB in any case, for an open part is kept in memory).
  /// Returns what was acknowledged by it. Throws Error: io (also if a higher epoch has taken the run over),
  /// no_space; then nothing that the open part held is acknowledged, and the store is of no more use.
  std::vector<Acknowledged> add(const FinishedItem& item);
  /// Journals, durably, that an item failed, and by which error.
  void failed(const requests::Item& item, int attempt, const Error& error);
  /// Journals, durably, that the group stops: its items in hand, if any, and the group itself.
  void stopped(std::span<const std::pair<requests::Item, int>> in_hand, const std::string& reason);
  /// Seals what is open, if its time has come (or always with `now`: then everything is on disk when it
  /// returns).
  std::vector<Acknowledged> seal(bool now);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ditmill::jobs::results
