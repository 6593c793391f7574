#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "configs/error.h"
#include "configs/pipeline_config.h"
#include "dist/comm/communicator.h"
#include "dist/parallel_context.h"
#include "jobs/engine/items/background_store.h"
#include "jobs/engine/items/in_hand.h"
#include "jobs/engine/items/protocol.h"
#include "jobs/engine/items/stop_switch.h"
#include "jobs/engine/loading/text_source.h"
#include "jobs/engine/ranks/teamwork.h"
#include "jobs/results/export/video.h"
#include "jobs/results/store/group_store.h"
#include "models/denoise/guidance.h"
#include "models/generator.h"
#include "models/text_cache.h"

namespace ditmill::jobs::engine {

/// One dp group at work, on each of its ranks: the first asks the coordinator for windows of items and shares
/// them with the others; all get the embeddings of a window (each distinct text once), then make clip after
/// clip; the first hands the clips to its store, which writes them while the next one is made. The next
/// window is asked for while the last item of the present one runs. An item that fails with Error is recorded
/// and the next one begins; an error of the store or of the communicator ends the job.
class GroupRunner {
 public:
  struct Parts {
    const dist::Communicator* coordinator = nullptr;  ///< to the coordinator; of the first rank
    results::GroupStore* store = nullptr;             ///< of the first rank
    TextSource texts = {};
    models::ClipGenerator* generator = nullptr;
    GroupSeams seams = {};
    const StopSwitch* stop = nullptr;      ///< no further item begins once it is thrown
    InHand::Now now = InHand::Clock::now;  ///< the clock that items are measured by, which tests turn
  };

  /// What is referred to outlives the runner.
  GroupRunner(const dist::ParallelContext& parallel, Parts parts, const configs::PipelineConfig& pipeline,
              const results::OutputConfig& output);

  /// Works until nothing is left, then seals and leaves. Throws what ended the job, on all ranks of the
  /// group, after telling the coordinator. Collective over the group.
  void run();

  /// The following three are for another thread than that which works; they do nothing on other ranks than
  /// the first. Gives up what is in hand, seals what is finished, and tells the coordinator that the group is
  /// gone; waits no longer than `within`. The group's ranks are then of no more use.
  void drop(const std::string& why, std::chrono::milliseconds within);
  /// Drops what is in hand if the run stops before it can be finished.
  void drop_what_is_late();
  /// Has what is finished sealed soon.
  void seal_soon();

 private:
  /// An item in hand.
  struct Work {
    const WorkItem* item = nullptr;
    std::optional<Error> failure;  ///< equal on all ranks
    models::ClipInput clip;
    at::Tensor latents;
    results::FinishedItem finished;
  };

  enum class Next { go_on, stop, leave };
  struct Batch {
    Next next = Next::go_on;
    std::size_t count = 0;
  };

  bool leads() const noexcept { return store_.has_value(); }
  void work();
  void lead(const std::function<void()>& alone);
  void ask();
  Grant next_window();
  Grant wait_for_grant();
  bool told_to_stop();
  Batch next_batch(std::span<const WorkItem> items);
  bool run_window(const Grant& grant);
  void encode_texts(const Grant& grant);
  models::EncodedText encoded(const configs::Request& request, const models::Encoding& task);
  configs::Request with_files(configs::Request request) const;
  void run_items(std::span<const WorkItem> items);
  void embed_clip(Work& work);
  void denoise(std::span<Work> batch);
  void finish(Work& work);
  void keep(Work& work, const dist::TensorMap& decoded);
  std::optional<Error> together(const std::function<void()>& step);
  std::optional<Error> settle(std::optional<Error> failure);
  void report(const GroupMessage& message) { send_to_coordinator(*coordinator_, message); }
  void report_done(const std::vector<results::Acknowledged>& acknowledged);

  const dist::ParallelContext* parallel_;
  const dist::Communicator* coordinator_;
  std::optional<BackgroundStore> store_;
  TextSource texts_;
  models::ClipGenerator* generator_;
  GroupSeams seams_;
  const StopSwitch* stop_switch_;
  const configs::PipelineConfig* pipeline_;
  const results::OutputConfig* output_;
  models::TextCache cache_;
  std::optional<results::VideoLibrary> encoder_;  ///< on the first rank, while output.video asks for it
  std::map<std::string, double, std::less<>> text_seconds_;  ///< by id, of the window in hand
  std::optional<Grant> next_;
  bool asked_ = false;
  bool stop_ = false;
  InHand in_hand_;                  ///< on the first rank
  std::atomic<bool> gone_ = false;  ///< the coordinator knows, or is being told
};

}  // namespace ditmill::jobs::engine
