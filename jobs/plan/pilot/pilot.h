#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "configs/pipeline_config.h"

namespace ditmill::jobs::plan {

/// How something spreads over items.
struct Spread {
  double p10 = 0;
  double median = 0;
  double p90 = 0;
};

/// Items of one size, as they were measured.
struct SizeClass {
  int width = 0;
  int height = 0;
  int frames = 0;
  std::size_t items = 0;
  Spread seconds = {};  ///< that an item keeps its group busy: text, denoise and decode
  Spread text = {};
  Spread denoise = {};
  Spread decode = {};  ///< with the encoding of a video
  Spread store = {};   ///< beside the next item, by a thread of its own
  double bytes = 0;    ///< on disk, an item
};

/// What the items were made on.
struct PilotLayout {
  configs::ParallelConfig degrees = {};  ///< dp: the groups
  int ranks = 0;
  int ranks_per_machine = 0;  ///< 0: not known
  int threads = 0;            ///< a rank; 0: not known
  std::string device = {};    ///< cpu or cuda; empty: not known
  std::string device_name = {};

  int groups() const noexcept { return degrees.dp.value_or(1); }
};

/// What one start of a run measured: RUN/pilot.json.
struct Pilot {
  int epoch = 0;
  PilotLayout layout = {};
  nlohmann::json layer2 = {};     ///< layer2_inference_config of its items: other ones take other times
  std::string model = {};         ///< key hash of the transformer, or "noop SECONDS"
  double startup_seconds = 0;     ///< from the start of the process to the first item's; 0: not known
  double text_stage_seconds = 0;  ///< of these, what offload: stages took to encode all texts; 0: not known
  std::size_t texts = 0;          ///< that were encoded in it
  double pause_seconds = 0;       ///< of a group between two items, an item
  std::vector<SizeClass> classes = {};  ///< by width, height, frames
  std::vector<std::string> items = {};  ///< ids of those that were measured
};

}  // namespace ditmill::jobs::plan
