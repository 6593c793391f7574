#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "jobs/results/export/picture.h"
#include "jobs/results/export/video.h"
#include "jobs/results/listing/stored_run.h"
#include "jobs/results/store/part_reader.h"

namespace ditmill::jobs::run {

/// What a run has stored of its items, as pictures and videos. Frames come from the stored frames, else from
/// the video, decoded. Items of one part, and frames of one video, should follow each other: a part is opened
/// and a video decoded once for them. All functions want an item that is done, and throw Error: usage (it is
/// not), bad_input (a damaged part, or one without what is asked for), io, not_found (no
/// libditmill_video.so).
class StoredClips {
 public:
  /// `run` outlives it.
  explicit StoredClips(const results::ResultsRun& run) : run_(run) {}

  results::h5::Attributes attributes(const results::ListedItem& item);
  bool has_frames(const results::ListedItem& item);
  bool has_video(const results::ListedItem& item);
  /// Number of frames.
  std::int64_t count(const results::ListedItem& item);
  results::Picture frame(const results::ListedItem& item, std::int64_t index);
  /// The stored video file.
  std::vector<std::uint8_t> video(const results::ListedItem& item);
  /// The stored frames as a video file.
  std::vector<std::uint8_t> encode(const results::ListedItem& item, const results::VideoConfig& config);
  /// The item's part; the item is `item.stored` in it. As long as no item of another part is asked for.
  const results::PartReader& part(const results::ListedItem& item);

 private:
  results::ClipShape frames_shape(const results::ListedItem& item);
  const results::VideoLibrary& library();
  const std::vector<std::uint8_t>& decoded(const results::ListedItem& item);

  const results::ResultsRun& run_;
  std::optional<results::PartReader> part_;
  std::string path_;
  std::optional<results::VideoLibrary> library_;
  std::string decoded_id_;
  std::vector<std::uint8_t> decoded_;  ///< frames of the video of that item
};

}  // namespace ditmill::jobs::run
