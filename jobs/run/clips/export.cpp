#include "jobs/run/clips/export.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "configs/error.h"
#include "configs/suggest.h"
#include "jobs/results/export/contact_sheet.h"
#include "jobs/results/export/png.h"
#include "jobs/results/files/durable.h"
#include "jobs/run/clips/clip_names.h"
#include "jobs/run/clips/h5_export.h"
#include "jobs/run/clips/stored_clips.h"
#include "jobs/run/clips/webdataset_export.h"
#include "jobs/run/verify/cures.h"

namespace ditmill::jobs::run {
namespace {

constexpr std::size_t most_strips = 120;
constexpr std::int64_t frames_a_strip = 3;
constexpr std::int64_t frames_of_one_item = 12;

void make_folder(const std::string& path) {
  if (path.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw system_error(error.value(), "make a folder for pictures", Where{.file = path});
}

std::string frame_name(std::int64_t index) {
  std::string digits = std::to_string(index);
  digits.insert(0, digits.size() < 4 ? 4 - digits.size() : 0, '0');
  return "/frame_" + digits + ".png";
}

bool wants_frames(const ExportOptions& options) {
  return !options.png_folder.empty() || !options.contact_sheet.empty();
}

bool reencodes(const ExportOptions& options) { return options.crf || !options.pix_fmt.empty(); }

results::VideoConfig video_config(const ExportOptions& options) {
  results::VideoConfig config;
  if (options.crf) config.crf = *options.crf;
  if (config.crf < results::crf_bounds.least || config.crf > results::crf_bounds.most) {
    throw Error(Category::usage, "export videos: --crf is out of range", {},
                Expected{configs::expected_number(results::crf_bounds)}, Got{std::to_string(config.crf)});
  }
  if (options.pix_fmt.empty()) return config;
  if (const auto format = results::pixel_format_named(options.pix_fmt)) {
    config.pix_fmt = *format;
    return config;
  }
  std::vector<std::string> names;
  for (const auto& choice : results::pixel_formats) names.emplace_back(choice.word);
  const std::string nearest = configs::nearest(options.pix_fmt, names);
  throw Error(Category::usage, "export videos: --pix-fmt is unknown", {},
              Expected{"yuv420p, yuv422p or yuv444p"}, Got{printable(options.pix_fmt)},
              nearest.empty() ? "" : "did you mean " + nearest + "?");
}

/// The items to export: those that were named must hold pictures, of all others only those count that do.
/// The others are noted. Latents alone are enough where no pictures are wanted.
std::vector<const results::ListedItem*> chosen_items(const results::ResultsRun& run,
                                                     const ExportOptions& options, StoredClips& clips,
                                                     std::vector<std::string>& notes) {
  const std::vector<std::string>& ids = options.items;
  const bool latents_do = !wants_frames(options) && options.mp4_folder.empty();
  const auto is_of_use = [&](const results::ListedItem& item) {
    return clips.has_frames(item) || clips.has_video(item) ||
           (latents_do && clips.part(item).shape(item.stored, "latents"));
  };
  std::vector<const results::ListedItem*> chosen;
  for (const std::string& id : ids) {
    const results::ListedItem& item = run.item(id);
    if (!is_of_use(item)) {
      throw Error(Category::usage, "export an item", Where{.file = run.part_of(item), .item = id},
                  Expected{"an item with frames or a video"},
                  Got{"neither was kept (output.frames: false, output.video: none)"});
    }
    chosen.push_back(&item);
  }
  if (!ids.empty()) return chosen;
  for (const results::ListedItem& item : run.items()) {
    if (item.outcome != results::ItemOutcome::done) continue;
    if (is_of_use(item)) {
      chosen.push_back(&item);
    } else {
      notes.push_back(item.id + " is left out: it holds neither frames nor a video");
    }
  }
  if (chosen.empty()) {
    throw Error(Category::usage, "export results", Where{.file = run.directory().path()},
                Expected{"items that are done and have frames or a video"},
                Got{"none of " + std::to_string(run.items().size())});
  }
  return chosen;
}

/// Stored videos as they are, unless settings were asked for and there are frames to encode with them.
void export_videos(const ExportOptions& options, const std::vector<const results::ListedItem*>& items,
                   const std::vector<std::string>& names, StoredClips& clips,
                   std::vector<std::string>& notes) {
  const results::VideoConfig config = video_config(options);
  make_folder(options.mp4_folder);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const results::ListedItem* item = items[i];
    const bool has_frames = clips.has_frames(*item);
    const bool as_stored = clips.has_video(*item) && (!reencodes(options) || !has_frames);
    if (as_stored && reencodes(options)) {
      notes.push_back(item->id + ": its stored video is written as it is: it has no frames to encode anew");
    }
    const std::vector<std::uint8_t> file = as_stored ? clips.video(*item) : clips.encode(*item, config);
    results::durable::write_file(options.mp4_folder + "/" + names[i] + ".mp4",
                                 {reinterpret_cast<const char*>(file.data()), file.size()});
  }
}

std::int64_t export_frames(const std::string& folder, const std::vector<const results::ListedItem*>& items,
                           const std::vector<std::string>& names, StoredClips& clips) {
  std::int64_t written = 0;
  for (std::size_t at = 0; at < items.size(); ++at) {
    const results::ListedItem& item = *items[at];
    const std::string item_folder = folder + "/" + names[at];
    make_folder(item_folder);
    const std::int64_t count = clips.count(item);
    for (std::int64_t i = 0; i < count; ++i)
      results::write_png(item_folder + frame_name(i), clips.frame(item, i));
    written += count;
  }
  return written;
}

std::vector<results::Strip> strips_of(const std::vector<const results::ListedItem*>& items,
                                      StoredClips& clips) {
  std::vector<results::Strip> strips;
  if (items.size() == 1) {
    const results::ListedItem& item = *items.front();
    for (const std::int64_t index : results::spread_frames(clips.count(item), frames_of_one_item)) {
      strips.push_back(
          {.caption = item.id + " " + std::to_string(index), .frames = {clips.frame(item, index)}});
    }
    return strips;
  }
  for (const results::ListedItem* item : items) {
    if (strips.size() == most_strips) break;
    results::Strip strip{.caption = item->id, .frames = {}};
    for (const std::int64_t index : results::spread_frames(clips.count(*item), frames_a_strip)) {
      strip.frames.push_back(clips.frame(*item, index));
    }
    strips.push_back(std::move(strip));
  }
  return strips;
}

std::string counted(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

void require_use(const ExportOptions& options) {
  const bool named = !options.mp4_folder.empty() || !options.png_folder.empty();
  if (!wants_frames(options) && !named && options.webdataset_folder.empty() && options.h5_file.empty()) {
    throw Error(Category::usage, "export results", {},
                Expected{"--png DIR or --contact-sheet FILE or --mp4 DIR or --webdataset DIR or --h5 FILE"},
                Got{"none of them"});
  }
  if (options.mp4_folder.empty() && reencodes(options)) {
    throw Error(Category::usage, "export results", {}, Expected{"--mp4 DIR with --crf and --pix-fmt"},
                Got{"no --mp4"});
  }
  if (!options.name.empty() && !named) {
    throw Error(Category::usage, "export results", {},
                Expected{"--mp4 DIR or --png DIR with --name: samples and items of one file keep their ids"},
                Got{"neither"});
  }
  video_config(options);
}

results::ResultsOutput write_exports(const ExportOptions& options, const results::ResultsRun& run) {
  StoredClips clips(run);
  results::ResultsOutput output{.text = {}, .notes = run.notes()};
  const std::vector<const results::ListedItem*> items = chosen_items(run, options, clips, output.notes);
  const std::vector<std::string> names = clip_names(options.name, run, items, clips, output.notes);
  if (!options.h5_file.empty()) {
    make_folder(std::filesystem::path(options.h5_file).parent_path().string());
    const std::uint64_t bytes = export_h5(options.h5_file, run, items, clips);
    output.text +=
        counted(items.size(), "item") + " in " + options.h5_file + ", " + std::to_string(bytes) + " bytes\n";
  }
  if (!options.png_folder.empty()) {
    const std::int64_t frames = export_frames(options.png_folder, items, names, clips);
    output.text += counted(static_cast<std::size_t>(frames), "frame") + " of " +
                   counted(items.size(), "item") + " in " + options.png_folder + "\n";
  }
  if (!options.contact_sheet.empty()) {
    make_folder(std::filesystem::path(options.contact_sheet).parent_path().string());
    results::write_png(options.contact_sheet, results::contact_sheet(strips_of(items, clips)));
    const std::size_t shown = std::min(items.size(), most_strips);
    output.text += counted(shown, "item") + " of " + std::to_string(items.size()) + " on " +
                   options.contact_sheet + "\n";
  }
  if (!options.mp4_folder.empty()) {
    export_videos(options, items, names, clips, output.notes);
    output.text += counted(items.size(), "video") + " in " + options.mp4_folder + "\n";
  }
  if (!options.webdataset_folder.empty()) {
    const std::size_t shards = export_webdataset(options, items, clips);
    output.text += counted(items.size(), "sample") + " in " + counted(shards, "shard") + " in " +
                   options.webdataset_folder + "\n";
  }
  return output;
}

}  // namespace

results::ResultsOutput results_export(const ExportOptions& options) {
  require_use(options);
  const results::ResultsRun run(options.run_directory);
  try {
    return write_exports(options, run);
  } catch (const Error& error) {
    rethrow_with_cure(error, run.directory());
  }
}

}  // namespace ditmill::jobs::run
