#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "jobs/cli/results/run.h"
#include "jobs/export/picture.h"
#include "jobs/export/video.h"
#include "jobs/store/part_reader.h"

namespace ditmill::jobs {

/// What a run has stored of its items, as pictures and videos. Frames come from the stored frames, else from
/// the video, decoded. Items of one part, and frames of one video, should follow each other: a part is opened
/// and a video decoded once for them. All functions want an item that is done, and throw Error: usage (it is
/// not), bad_input (a damaged part, or one without what is asked for), io, not_found (no
/// libditmill_video.so).
class StoredClips {
 public:
  /// `run` outlives it.
  explicit StoredClips(const ResultsRun& run) : run_(run) {}

  h5::Attributes attributes(const ListedItem& item);
  bool has_frames(const ListedItem& item);
  bool has_video(const ListedItem& item);
  /// Number of frames.
  std::int64_t count(const ListedItem& item);
  Picture frame(const ListedItem& item, std::int64_t index);
  /// The stored video file.
  std::vector<std::uint8_t> video(const ListedItem& item);
  /// The stored frames as a video file.
  std::vector<std::uint8_t> encode(const ListedItem& item, const VideoConfig& config);
  /// The item's part; the item is `item.stored` in it. As long as no item of another part is asked for.
  const PartReader& part(const ListedItem& item);

 private:
  ClipShape frames_shape(const ListedItem& item);
  const VideoLibrary& library();
  const std::vector<std::uint8_t>& decoded(const ListedItem& item);

  const ResultsRun& run_;
  std::optional<PartReader> part_;
  std::string path_;
  std::optional<VideoLibrary> library_;
  std::string decoded_id_;
  std::vector<std::uint8_t> decoded_;  ///< frames of the video of that item
};

}  // namespace ditmill::jobs
