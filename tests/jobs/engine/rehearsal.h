#pragma once

#include <string>
#include <vector>

#include "jobs/engine/authority/authority.h"
#include "jobs/plan/run_options.h"
#include "jobs/results/files/run_directory.h"
#include "jobs/results/store/group_store.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs::engine {

/// A job without a model: its manifest, its list and its run directory, in a folder of their own.
class Rehearsal {
 public:
  /// Items "item0" ... "item<N-1>", each with a seed of its own.
  void write_list(int items) const;
  /// The list as JSON lines.
  void write_list(const std::vector<std::string>& lines) const;
  /// `pipeline` is JSON.
  void write_manifest(const std::string& pipeline = "{}") const;

  results::RunDirectory run() const { return results::RunDirectory{folder_ / "run"}; }
  /// What `run` of it is told.
  plan::RunOptions options() const;
  /// That of the next start, in a world of so many ranks.
  Authority authority(plan::RunOptions options, int world = 1) const;
  Authority authority() const { return authority(options()); }
  /// Begins and finishes the items of these indices, as a group of this start.
  void finish_items(const Authority& authority, const std::vector<std::size_t>& items) const;
  std::string outcome_text() const;  ///< empty: there is none

 private:
  tests::TempFolder folder_;
};

}  // namespace ditmill::jobs::engine
