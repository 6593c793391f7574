#pragma once

#include <functional>
#include <string>
#include <vector>

#include "dist/comm/communicator.h"
#include "dist/parallel_context.h"
#include "jobs/engine/loading/text_spool.h"
#include "jobs/engine/ranks/teamwork.h"
#include "models/generator.h"

namespace ditmill::jobs::engine {

/// Encodes all texts of a job before its clips: each text once, the tp teams sharing them equally, into a
/// spool. `texts` are rank 0's, distinct; no rank holds more of them than its share and a block on its way. A
/// text that fails as an item may fail is stored with its error. Before the first is encoded, the file system
/// of `folder` (made by rank 0) is asked whether all embeddings have room. Collective. Throws the agreed
/// Error.
TextSpool encode_texts(const dist::Communicator& comm, const dist::ParallelContext& parallel,
                       models::TextEncoder& encoder, const std::vector<models::TextTask>& texts,
                       const std::string& folder, const GroupSeams& seams);

/// Makes a spool's folder, and removes it with all that is in it when it goes.
class SpoolFolder {
 public:
  explicit SpoolFolder(std::string path);  ///< Throws Error: io, no_space.
  SpoolFolder(const SpoolFolder&) = delete;
  SpoolFolder& operator=(const SpoolFolder&) = delete;
  ~SpoolFolder();

 private:
  std::string path_;
};

}  // namespace ditmill::jobs::engine
