#include "jobs/cli/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <variant>

#include "configs/error.h"
#include "configs/suggest.h"
#include "jobs/export/contact_sheet.h"
#include "jobs/export/png.h"
#include "jobs/journal/reader.h"
#include "jobs/run_directory.h"
#include "jobs/store/listing.h"
#include "jobs/store/part_reader.h"

namespace ditmill::jobs {
namespace {

constexpr std::size_t sheet_items = 48;
constexpr std::size_t strip_frames = 4;
constexpr int thumbnail_side = 96;

std::vector<ListedItem> list(const std::string& run) {
  const RunDirectory directory{run};
  return list_items(directory, read_journals(directory));
}

/// The listed item of an id, which must be done.
const ListedItem& done_item(const std::vector<ListedItem>& items, const std::string& id,
                            const std::string& run) {
  const auto found =
      std::find_if(items.begin(), items.end(), [&](const ListedItem& item) { return item.id == id; });
  if (found == items.end()) {
    std::vector<std::string> ids;
    for (const ListedItem& item : items) ids.push_back(item.id);
    const std::string near = configs::nearest(id, ids);
    throw Error{Category::usage,
                "find an item",
                Where{.file = run},
                Expected{"an id of this run"},
                Got{"'" + printable(id) + "'"},
                near.empty() ? "ditmill results ls lists them" : "did you mean " + near + "?"};
  }
  if (found->outcome != ItemOutcome::done) {
    throw Error{Category::usage,
                "read an item's results",
                Where{.file = run, .item = id},
                Expected{"an item that is done"},
                Got{std::string{name(found->outcome)} + (found->reason.empty() ? "" : ": " + found->reason)},
                "only finished items have results"};
  }
  return *found;
}

nlohmann::json to_json(const h5::Attributes& attributes) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [key, value] : attributes) {
    std::visit([&, &name = key](const auto& held) { json[name] = held; }, value);
  }
  return json;
}

Image frame_image(const PartReader& part, const std::string& id, const PartReader::Shape& shape,
                  std::int64_t index) {
  return {static_cast<int>(shape[2]), static_cast<int>(shape[1]), part.frame(id, index)};
}

/// The frames of an item, or an Error that says that they were not kept.
PartReader::Shape frames_of(const PartReader& part, const std::string& id, const std::string& run) {
  const std::optional<PartReader::Shape> shape = part.frames_shape(id);
  if (shape) return *shape;
  throw Error{Category::usage,
              "export frames",
              Where{.file = run, .item = id},
              Expected{"frames"},
              Got{"an item without them"},
              "the run kept no frames (output.frames: false)"};
}

void export_frames(const PartReader& part, const std::string& id, const std::string& run,
                   const std::string& folder) {
  const PartReader::Shape shape = frames_of(part, id, run);
  const std::filesystem::path target = std::filesystem::path{folder} / id;
  std::error_code failure;
  std::filesystem::create_directories(target, failure);
  if (failure) throw system_error(failure.value(), "make a folder", Where{.file = target.string()});
  for (std::int64_t index = 0; index < shape[0]; ++index) {
    write_png(frame_image(part, id, shape, index), target / fmt::format("frame_{:04}.png", index));
  }
}

Strip strip_of(const PartReader& part, const std::string& id, const std::string& run) {
  const PartReader::Shape shape = frames_of(part, id, run);
  Strip strip{.id = id, .frames = {}};
  for (const std::size_t index : spread(static_cast<std::size_t>(shape[0]), strip_frames)) {
    strip.frames.push_back(
        thumbnail(frame_image(part, id, shape, static_cast<std::int64_t>(index)), thumbnail_side));
  }
  return strip;
}

}  // namespace

int results_ls(const std::string& run, bool json, std::ostream& out) {
  const std::vector<ListedItem> items = list(run);
  if (json) {
    nlohmann::json array = nlohmann::json::array();
    for (const ListedItem& item : items) {
      array.push_back({{"id", item.id},
                       {"state", name(item.outcome)},
                       {"key", item.key},
                       {"width", item.width},
                       {"height", item.height},
                       {"frames", item.frames},
                       {"attempts", item.attempts},
                       {"seconds", item.seconds},
                       {"part", item.part},
                       {"content", item.content},
                       {"reason", item.reason}});
    }
    out << array.dump(2) << "\n";
    return 0;
  }
  std::size_t widest = 2;
  for (const ListedItem& item : items) widest = std::max(widest, item.id.size());
  out << fmt::format("{:<{}}  {:<11}  {:>14}  {:>8}  {}\n", "id", widest, "state", "size", "seconds",
                     "part or reason");
  std::map<ItemOutcome, std::size_t> counts;
  for (const ListedItem& item : items) {
    ++counts[item.outcome];
    out << fmt::format("{:<{}}  {:<11}  {:>14}  {:>8}  {}\n", item.id, widest, name(item.outcome),
                       fmt::format("{}x{}x{}", item.width, item.height, item.frames),
                       item.seconds > 0 ? fmt::format("{:.2f}", item.seconds) : "-",
                       item.reason.empty() ? item.part : printable(item.reason));
  }
  out << fmt::format("{} items:", items.size());
  for (const auto& [outcome, count] : counts) out << fmt::format(" {} {}", count, name(outcome));
  out << "\n";
  return 0;
}

int results_show(const std::string& run, const std::string& id, bool json, std::ostream& out) {
  const std::vector<ListedItem> items = list(run);
  const ListedItem& item = done_item(items, id, run);
  const PartReader part{run + "/" + item.part};
  nlohmann::json shown = to_json(part.attributes(id));
  for (const char* embedded : {"config_json", "metadata_json"}) {
    if (shown.contains(embedded)) {
      shown[embedded] = nlohmann::json::parse(shown[embedded].get<std::string>(), nullptr, false);
    }
  }
  shown["id"] = id;
  shown["part"] = item.part;
  shown["content"] = item.content;
  if (json) {
    out << shown.dump(2) << "\n";
    return 0;
  }
  for (const auto& [key, value] : shown.items()) {
    if (key == "config_json") continue;
    out << fmt::format("{:<18} {}\n", key,
                       value.is_string() ? printable(value.get<std::string>(), 2000) : value.dump());
  }
  return 0;
}

int results_export(const ExportOptions& options, std::ostream& out) {
  if (options.png.empty() && options.contact_sheet.empty()) {
    throw Error{
        Category::usage, "export results", {}, Expected{"--png DIR or --contact-sheet FILE"}, Got{"neither"}};
  }
  const std::vector<ListedItem> items = list(options.run);
  std::vector<const ListedItem*> chosen;
  for (const std::string& id : options.items) chosen.push_back(&done_item(items, id, options.run));
  if (options.items.empty()) {
    for (const ListedItem& item : items) {
      if (item.outcome == ItemOutcome::done) chosen.push_back(&item);
    }
  }
  if (chosen.empty()) {
    throw Error{Category::usage, "export results", Where{.file = options.run},
                Expected{"an item that is done"}, Got{"none"}};
  }
  if (!options.png.empty()) {
    for (const ListedItem* item : chosen) {
      export_frames(PartReader{options.run + "/" + item->part}, item->id, options.run, options.png);
    }
    out << fmt::format("{} items in {}\n", chosen.size(), options.png);
  }
  if (!options.contact_sheet.empty()) {
    std::vector<Strip> strips;
    for (const std::size_t at : spread(chosen.size(), sheet_items)) {
      strips.push_back(
          strip_of(PartReader{options.run + "/" + chosen[at]->part}, chosen[at]->id, options.run));
    }
    write_png(contact_sheet(strips), options.contact_sheet);
    out << fmt::format("{} of {} items on {}\n", strips.size(), chosen.size(), options.contact_sheet);
  }
  return 0;
}

}  // namespace ditmill::jobs
