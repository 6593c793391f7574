#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "jobs/results/listing/stored_run.h"

namespace ditmill::jobs::run {

/// What a sample of --webdataset holds of a clip.
enum class SampleFrames {
  as_stored,  ///< the video if one is stored, else the frames
  npy,        ///< the frames, decoded if only a video is stored
  mp4,        ///< the video, encoded if only frames are stored
};

/// What `ditmill results export RUN` is asked for.
struct ExportOptions {
  std::string run_directory;
  std::vector<std::string> items;  ///< --items A,B: only these; empty: all that are done
  std::string png_folder;          ///< --png DIR: each frame as DIR/<name>/frame_0000.png
  std::string contact_sheet;  ///< --contact-sheet FILE: first, middle and last frame of each item, or twelve
                              ///< frames if it is one item; at most 120 items
  std::string mp4_folder = {};  ///< --mp4 DIR: DIR/<name>.mp4, the stored video, else the frames encoded
  std::optional<int> crf = {};  ///< --crf N: encode the frames with it, also where a video is stored
  std::string pix_fmt = {};     ///< --pix-fmt NAME: the same
  std::string webdataset_folder = {};         ///< --webdataset DIR: shards of tar and metadata.jsonl
  std::uint64_t shard_bytes = 1'000'000'000;  ///< --shard SIZE
  SampleFrames sample_frames = SampleFrames::as_stored;  ///< --frames npy|mp4
  std::string name = {};     ///< --name TEMPLATE: clip_names() of --mp4 and --png; empty: ids
  std::string h5_file = {};  ///< --h5 FILE: one HDF5 file with all that is stored of the items
};

/// Exports; `text` says what was written. Throws Error: usage (nothing asked for; an id that is unknown, not
/// done or has neither frames nor a video; settings of no use; names as clip_names()), bad_input (a damaged
/// part, frames that cannot be such a video), io, no_space, not_found (no libditmill_video.so).
results::ResultsOutput results_export(const ExportOptions& options);

}  // namespace ditmill::jobs::run
