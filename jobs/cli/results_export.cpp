#include "jobs/cli/results_export.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "configs/error.h"
#include "jobs/export/contact_sheet.h"
#include "jobs/export/png.h"
#include "jobs/store/part_reader.h"

namespace ditmill::jobs {
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

/// One item's frames. Items of one part follow each other: the part is opened once for them.
class Clips {
 public:
  explicit Clips(const ResultsRun& run) : run_(run) {}

  /// Number of frames; 0 if they were not kept.
  std::int64_t count(const ListedItem& item) {
    const auto shape = part(item).frames_shape(item.id);
    return shape ? (*shape)[0] : 0;
  }

  Picture frame(const ListedItem& item, std::int64_t index) {
    const PartReader& reader = part(item);
    const auto shape = reader.frames_shape(item.id);
    if (!shape || (*shape)[3] != 3 || std::max((*shape)[1], (*shape)[2]) > 65'535) {
      throw Error(Category::bad_input, "read a frame", Where{.file = path_, .item = item.id},
                  Expected{"frames of RGB, at most 65535 pixels a side"});
    }
    return {.width = static_cast<int>((*shape)[2]),
            .height = static_cast<int>((*shape)[1]),
            .rgb = reader.frame(item.id, index)};
  }

 private:
  const PartReader& part(const ListedItem& item) {
    std::string path = run_.part_of(item);
    if (!part_ || path != path_) {
      part_.emplace(path);
      path_ = std::move(path);
    }
    return *part_;
  }

  const ResultsRun& run_;
  std::optional<PartReader> part_;
  std::string path_;
};

/// The items to export: those that were named must have frames, of all others only those count that have.
std::vector<const ListedItem*> chosen_items(const ResultsRun& run, const std::vector<std::string>& ids,
                                            Clips& clips) {
  std::vector<const ListedItem*> chosen;
  for (const std::string& id : ids) {
    const ListedItem& item = run.item(id);
    if (clips.count(item) == 0) {
      throw Error(Category::usage, "export an item", Where{.file = run.part_of(item), .item = id},
                  Expected{"an item with frames"}, Got{"none were kept (output.frames: false)"});
    }
    chosen.push_back(&item);
  }
  if (!ids.empty()) return chosen;
  for (const ListedItem& item : run.items()) {
    if (item.outcome == ItemOutcome::done && clips.count(item) > 0) chosen.push_back(&item);
  }
  if (chosen.empty()) {
    throw Error(Category::usage, "export results", Where{.file = run.directory().path()},
                Expected{"items that are done and have frames"},
                Got{"none of " + std::to_string(run.items().size())});
  }
  return chosen;
}

std::int64_t export_frames(const std::string& folder, const std::vector<const ListedItem*>& items,
                           Clips& clips) {
  std::int64_t written = 0;
  for (const ListedItem* item : items) {
    const std::string item_folder = folder + "/" + item->id;
    make_folder(item_folder);
    const std::int64_t count = clips.count(*item);
    for (std::int64_t i = 0; i < count; ++i) write_png(item_folder + frame_name(i), clips.frame(*item, i));
    written += count;
  }
  return written;
}

std::vector<Strip> strips_of(const std::vector<const ListedItem*>& items, Clips& clips) {
  std::vector<Strip> strips;
  if (items.size() == 1) {
    const ListedItem& item = *items.front();
    for (const std::int64_t index : spread_frames(clips.count(item), frames_of_one_item)) {
      strips.push_back(
          {.caption = item.id + " " + std::to_string(index), .frames = {clips.frame(item, index)}});
    }
    return strips;
  }
  for (const ListedItem* item : items) {
    if (strips.size() == most_strips) break;
    Strip strip{.caption = item->id, .frames = {}};
    for (const std::int64_t index : spread_frames(clips.count(*item), frames_a_strip)) {
      strip.frames.push_back(clips.frame(*item, index));
    }
    strips.push_back(std::move(strip));
  }
  return strips;
}

std::string counted(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

ResultsOutput results_export(const ExportOptions& options) {
  if (options.png_folder.empty() && options.contact_sheet.empty()) {
    throw Error(Category::usage, "export results", {}, Expected{"--png DIR or --contact-sheet FILE"},
                Got{"neither"});
  }
  const ResultsRun run(options.run_directory);
  Clips clips(run);
  const std::vector<const ListedItem*> items = chosen_items(run, options.items, clips);
  ResultsOutput output{.text = {}, .notes = run.notes()};
  if (!options.png_folder.empty()) {
    const std::int64_t frames = export_frames(options.png_folder, items, clips);
    output.text += counted(static_cast<std::size_t>(frames), "frame") + " of " +
                   counted(items.size(), "item") + " in " + options.png_folder + "\n";
  }
  if (!options.contact_sheet.empty()) {
    make_folder(std::filesystem::path(options.contact_sheet).parent_path().string());
    write_png(options.contact_sheet, contact_sheet(strips_of(items, clips)));
    const std::size_t shown = std::min(items.size(), most_strips);
    output.text += counted(shown, "item") + " of " + std::to_string(items.size()) + " on " +
                   options.contact_sheet + "\n";
  }
  return output;
}

}  // namespace ditmill::jobs
