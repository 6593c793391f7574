#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/requests/items/item_list.h"
#include "jobs/results/files/run_directory.h"
#include "jobs/run/verify/damage.h"

namespace ditmill::jobs::run {

/// What a journal says of an item that a part holds.
struct Claim {
  std::string item;
  std::string key;      ///< hex
  std::string content;  ///< ContentHash
  const requests::PackedItem* listed =
      nullptr;  ///< the item of requests.jsonl with the same key; null: it has none
};

/// What a journal says of a part.
struct ClaimedPart {
  std::string path;         ///< relative to the run directory
  std::uint64_t bytes = 0;  ///< its size
  std::string hash;         ///< XXH3-128 of the file; empty: not known
  std::vector<Claim> items;
};

/// What came of a part.
struct PartAudit {
  std::vector<Damage> damage;
  std::vector<std::string> unclaimed;  ///< ids in it that the journal does not name
};

/// Reads every byte of a part that exists with the right size: the file against its hash, every dataset
/// against its Fletcher-32 and the item's content hash, every item's attributes against requests.jsonl. Holds
/// a frame at a time (or an item's latents). A part whose hash does not vouch for it is examined in a child
/// process. Throws Error(io) only if the machine fails, not for what is wrong with the part.
PartAudit audit_part(const results::RunDirectory& run, const ClaimedPart& part);

}  // namespace ditmill::jobs::run
