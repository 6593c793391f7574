#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <optional>
#include <string>

#include "configs/pipeline_config.h"
#include "dist/comm/communicator.h"
#include "jobs/engine/protocol.h"
#include "jobs/export/video.h"
#include "jobs/store/group_store.h"
#include "models/generator.h"
#include "models/text_cache.h"

namespace ditmill::jobs {

/// One dp group at work: asks the coordinator for windows of items, encodes the texts of a window (each
/// distinct text once), then makes clip after clip and hands them to its store. The next window is asked for
/// while the last item of the present one runs. An item that fails with Error is recorded and the next one
/// begins; an error of the store or of the communicator ends the job.
class GroupRunner {
 public:
  /// All references outlive the runner.
  GroupRunner(const dist::Communicator& comm, models::ClipGenerator& generator, GroupStore& store,
              const configs::PipelineConfig& pipeline, const OutputConfig& output);

  /// Works until nothing is left, then seals and leaves. Throws what ended the job on this rank, after
  /// telling the coordinator.
  void run();

 private:
  void work();
  void ask();
  Grant wait_for_grant();
  bool told_to_stop();
  void run_window(const Grant& grant);
  void encode_texts(const Grant& grant);
  at::Tensor embed(const std::string& text);
  bool guided() const noexcept { return pipeline_->guidance_scale > 1; }
  void run_item(const WorkItem& work);
  FinishedItem make(const WorkItem& work);
  void report_done(const std::vector<Acknowledged>& acknowledged);

  const dist::Communicator* comm_;
  models::ClipGenerator* generator_;
  GroupStore* store_;
  const configs::PipelineConfig* pipeline_;
  const OutputConfig* output_;
  models::TextCache texts_;
  std::optional<VideoLibrary> encoder_;                      ///< while output.video asks for it
  std::map<std::string, double, std::less<>> text_seconds_;  ///< by id, of the window in hand
  std::optional<Grant> next_;
  bool asked_ = false;
  bool stop_ = false;
};

}  // namespace ditmill::jobs
