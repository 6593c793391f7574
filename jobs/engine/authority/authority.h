#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "jobs/engine/authority/config_dump.h"
#include "jobs/engine/authority/store_plan.h"
#include "jobs/engine/loading/loading.h"
#include "jobs/engine/loading/memory_check.h"
#include "jobs/plan/memory/parallel_choice.h"
#include "jobs/plan/prepare.h"
#include "jobs/plan/weights_identity.h"
#include "jobs/results/files/run_directory.h"
#include "jobs/results/journal/reader.h"
#include "jobs/run/crashes.h"
#include "jobs/run/epoch.h"
#include "jobs/run/frozen/resume.h"
#include "jobs/run/outcome.h"

namespace ditmill::jobs::engine {

/// What rank 0 knows and decides: the other ranks obey. Its steps are called once each, in this order.
class Authority {
 public:
  /// Reads manifest, list and headers, takes the run directory, and recalls the digests of weights that have
  /// not changed. Throws Error.
  Authority(plan::RunOptions options, LaunchFacts facts);

  const configs::PipelineConfig& pipeline() const noexcept { return job_.manifest.pipeline; }
  const configs::ModelDefinition& model() const noexcept { return job_.manifest.model; }
  /// Threads that a dump asks of every rank, and the command line does not overrule; 0: none.
  int dumped_threads() const noexcept { return options_.threads == 0 ? job_.threads : 0; }
  /// Plans memory for the CPU of the ranks on which the job takes most, and says so where its bfloat16 is
  /// slow on them. Before what plans memory.
  void take_cpu(const models::CpuKind& cpu);
  /// Chooses what the manifest leaves to memory, by what bounds the ranks, in rank order; the pipeline has it
  /// from then on: the degrees (`parallel: auto`), and whether transformers take turns. Throws Error(usage)
  /// where no layout fits, unless that is not to be checked or nothing is left to load.
  void choose_by_memory(std::span<const plan::RankMemory> ranks);
  /// Whether weights must be loaded: false for a rehearsal, and where nothing is left to do.
  bool needs_weights() const noexcept;
  LoadPlan load_plan() const;
  /// What loading and running will take of memory.
  MemoryDemand memory_demand() const;
  /// The distinct texts of the items that are left, in their order. Before settle(), where digests are not
  /// known yet, an item counts as done if it was done in an earlier start: settle() refuses those that
  /// changed.
  std::vector<models::TextTask> texts_left();
  std::string status_folder() const { return run_->status(epoch_->number()); }
  std::string spool_folder() const { return run_->spool(epoch_->number()); }
  /// Takes note of what the loaded weights are, decides what is left to do, and freezes the job in its run
  /// directory. `loading` is null where no weights were needed; `device` is what rank 0 computes on. Throws
  /// Error.
  void settle(const Loading* loading, const at::Device& device);

  StorePlan store_plan() const;
  /// What became of the job's items in earlier starts; those that are taken up again are left, and all are
  /// while that is not known.
  run::Counts counts() const;
  /// All items of the job; those left to do, by their indices. They stay as long as the authority.
  const requests::ItemList& items() const noexcept { return items_; }
  const std::vector<run::PendingItem>& pending() const noexcept { return pending_; }

  const results::RunDirectory& run() const noexcept { return *run_; }
  /// Bytes that a full part of items of the most frequent size takes: one item that is far too large is to
  /// fail by itself.
  std::uint64_t usual_part() const;

  /// Whether a later start owns the run directory: nothing in it may be written any more.
  bool taken_over() const { return results::superseded(*run_, epoch_->number()); }
  /// Measures the pilot that has been run, and returns what is to be said of it.
  std::string finish_pilot() const;

  /// Writes the index and outcome.json; these say so if one of them could not be written. Throws Error(io) if
  /// taken_over(). `failure` is what ended the job, if something did.
  run::Outcome conclude(const Error* failure, const run::EarlyEnd& early = {});
  /// As conclude(), from another thread than that which works: outcome.json first, from `counts`, then the
  /// index, if it is wanted. `lost` if a rank was.
  run::Outcome conclude_at_once(const run::Counts& counts, const std::string& why, bool lost,
                                bool with_index);

 private:
  void choose_layout(const plan::Room& room);
  void reconcile_items();
  void require_owner() const;
  static void fail(run::Outcome& outcome, const Error& error);
  void write_outcome(const run::Outcome& outcome) const;
  void journal_crashes();
  void freeze(const at::Device& device);

  plan::RunOptions options_;
  LaunchFacts facts_;
  plan::PreparedJob job_;
  std::optional<results::RunDirectory> run_;
  std::optional<run::Epoch> epoch_;
  plan::WeightsIdentity weights_;
  nlohmann::json identity_;
  nlohmann::json config_;
  std::string manifest_sha256_;
  results::JournalState journals_;
  requests::ItemList items_;
  bool requests_are_frozen_ = false;  ///< requests.jsonl holds these very items
  std::vector<bool> chosen_;          ///< by index: this start is to do it
  std::vector<run::PendingItem> pending_;
  std::vector<run::Crash> crashes_;             ///< of earlier epochs, that no journal knows of
  std::vector<results::Record> crash_records_;  ///< what the journal is to say of them
  std::size_t asked_items_ = 0;
};

}  // namespace ditmill::jobs::engine
