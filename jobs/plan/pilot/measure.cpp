#include "jobs/plan/pilot/measure.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <variant>

#include "configs/component_name.h"
#include "configs/dump.h"
#include "configs/error.h"
#include "jobs/plan/pilot/epoch_start.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/journal/open_attempts.h"
#include "jobs/results/journal/reader.h"
#include "jobs/results/store/part_reader.h"

namespace ditmill::jobs::plan {
namespace {

using nlohmann::json;

constexpr std::size_t most_items = 2000;
/// What an item takes in its part beside its pixels, so that tiny clips do not count as nothing.
constexpr double bytes_beside_pixels = 8192;

struct Part {
  std::string path;
  double bytes = 0;
  double last_done = 0;
  int group = 0;
  std::vector<std::string> items = {};
};

/// What one group's journal says of one epoch.
struct GroupSpan {
  double first_start = 0;
  double last_done = 0;
  double failing = 0;  ///< seconds that went into items that failed
  std::size_t done = 0;
};

struct EpochRecords {
  int epoch = 0;
  std::map<int, GroupSpan> groups = {};
  std::vector<Part> parts = {};
  std::size_t done = 0;
};

struct Measured {
  std::array<int, 3> size{};
  double text = 0;
  double denoise = 0;
  double decode = 0;
  double store = 0;
  double bytes = 0;

  double seconds() const noexcept { return text + denoise + decode; }
};

void take_journal(const results::RunDirectory& run, const results::JournalFile& file, EpochRecords& records) {
  std::vector<results::JournalReport> ignored;
  // A journal without a start is no group's: it says what is known of earlier crashes.
  const std::vector<results::Record> journal =
      results::parse_journal(results::durable::read_file(file.path), file.path, ignored);
  if (std::none_of(journal.begin(), journal.end(),
                   [](const results::Record& record) { return record.event == results::Event::start; })) {
    return;
  }
  GroupSpan& span = records.groups[file.group];
  std::map<std::string, std::size_t, std::less<>> parts;
  results::OpenAttempts attempts;
  for (const results::Record& record : journal) {
    const std::optional<results::Attempt> ended = attempts.take(record);
    if (record.event == results::Event::start) {
      if (span.first_start == 0) span.first_start = record.time;
    } else if (record.event == results::Event::failed) {
      if (ended) span.failing += record.time - ended->begin;
      span.last_done = std::max(span.last_done, record.time);
    } else if (record.event == results::Event::done) {
      const auto [found, is_new] = parts.try_emplace(record.part, records.parts.size());
      if (is_new) {
        records.parts.push_back({.path = run.path() + "/" + record.part,
                                 .bytes = static_cast<double>(record.part_bytes),
                                 .group = file.group});
      }
      Part& part = records.parts[found->second];
      part.last_done = std::max(part.last_done, record.time);
      part.items.push_back(std::move(record.item));
      span.last_done = std::max(span.last_done, record.time);
      ++span.done;
      ++records.done;
    }
  }
}

EpochRecords records_of(const results::RunDirectory& run, int epoch) {
  std::vector<results::JournalFile> files = results::journal_files(run);
  std::ranges::reverse(files);
  EpochRecords records;
  for (const results::JournalFile& file : files) {
    if (epoch > 0 && file.epoch != epoch) continue;
    if (file.epoch != records.epoch) {
      if (records.done > 0) break;
      records = {.epoch = file.epoch};
    }
    take_journal(run, file, records);
  }
  if (records.done > 0) return records;
  throw Error{Category::usage, "measure a run", Where{.file = run.path()},
              Expected{"a start that finished items"},
              Got{epoch > 0 ? "none in epoch " + std::to_string(epoch) : "none"}};
}

/// Parts spread evenly over all, with no more items than are measured.
std::vector<Part> chosen_parts(std::vector<Part> parts, std::size_t items) {
  const std::size_t every = (items + most_items - 1) / most_items;
  std::vector<Part> chosen;
  for (std::size_t i = 0; i < parts.size(); i += every) chosen.push_back(std::move(parts[i]));
  return chosen;
}

double number(const results::h5::Attributes& attributes, std::string_view name) {
  for (const auto& [each, value] : attributes) {
    if (each != name) continue;
    if (const auto* real = std::get_if<double>(&value)) return *real;
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  }
  return 0;
}

json config_of(const results::h5::Attributes& attributes, const std::string& path) {
  for (const auto& [name, value] : attributes) {
    const auto* text = std::get_if<std::string>(&value);
    if (name != "config_json" || text == nullptr) continue;
    json config = json::parse(*text, nullptr, false);
    if (config.is_object()) return config;
  }
  throw Error{Category::bad_input, "measure a run", Where{.file = path},
              Expected{"items with a config_json"}};
}

/// A part's file was written from its last item on.
double store_seconds(const Part& part) {
  struct stat status {};
  if (::stat(part.path.c_str(), &status) != 0) return 0;
  const double written =
      static_cast<double>(status.st_mtim.tv_sec) + static_cast<double>(status.st_mtim.tv_nsec) / 1e9;
  return std::max(0.0, written - part.last_done) / static_cast<double>(part.items.size());
}

std::vector<Measured> measure_part(const Part& part, json& config) {
  const results::PartReader reader(part.path);
  std::vector<Measured> items;
  double pixels = 0;
  for (const std::string& id : part.items) {
    const results::h5::Attributes attributes = reader.attributes(id);
    if (config.is_null()) config = config_of(attributes, part.path);
    const auto extent = [&](const char* name) { return static_cast<int>(number(attributes, name)); };
    items.push_back({.size = {extent("width"), extent("height"), extent("frames")},
                     .text = number(attributes, "seconds_text"),
                     .denoise = number(attributes, "seconds_denoise"),
                     .decode = number(attributes, "seconds_decode"),
                     .store = store_seconds(part)});
    Measured& item = items.back();
    item.bytes = bytes_beside_pixels + 3.0 * item.size[0] * item.size[1] * item.size[2];
    pixels += item.bytes;
  }
  for (Measured& item : items) item.bytes *= part.bytes / pixels;
  return items;
}

Spread spread_of(const std::vector<Measured>& items, double (*value)(const Measured&)) {
  std::vector<double> sorted;
  sorted.reserve(items.size());
  for (const Measured& item : items) sorted.push_back(value(item));
  std::ranges::sort(sorted);
  const auto at = [&sorted](double share) {
    const double place = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
  };
  return {.p10 = at(0.1), .median = at(0.5), .p90 = at(0.9)};
}

SizeClass class_of(const std::vector<Measured>& items) {
  double bytes = 0;
  for (const Measured& item : items) bytes += item.bytes;
  return {.width = items.front().size[0],
          .height = items.front().size[1],
          .frames = items.front().size[2],
          .items = items.size(),
          .seconds = spread_of(items, [](const Measured& item) { return item.seconds(); }),
          .text = spread_of(items, [](const Measured& item) { return item.text; }),
          .denoise = spread_of(items, [](const Measured& item) { return item.denoise; }),
          .decode = spread_of(items, [](const Measured& item) { return item.decode; }),
          .store = spread_of(items, [](const Measured& item) { return item.store; }),
          .bytes = bytes / static_cast<double>(items.size())};
}

/// What groups did between items: their spans less what items of theirs took, by those that were measured.
double pause_of(const EpochRecords& records, const std::map<int, std::vector<double>>& seconds) {
  double pause = 0;
  double items = 0;
  for (const auto& [group, taken] : seconds) {
    const GroupSpan& span = records.groups.at(group);
    double sum = 0;
    for (const double each : taken) sum += each;
    const auto done = static_cast<double>(span.done);
    pause +=
        span.last_done - span.first_start - span.failing - sum / static_cast<double>(taken.size()) * done;
    items += done;
  }
  return std::max(0.0, pause / items);
}

double startup_of(const results::RunDirectory& run, const EpochRecords& records) {
  const double began = epoch_start(run, records.epoch);
  double first = 0;
  for (const auto& [group, span] : records.groups) {
    if (span.first_start > 0 && (first == 0 || span.first_start < first)) first = span.first_start;
  }
  return began == 0 || first == 0 ? 0 : std::max(0.0, first - began);
}

/// How many ranks of one machine there are in names HOST.r00003 of a status folder, while the run is alive.
int ranks_of_a_machine(const std::string& folder) {
  std::map<std::string, int> machines;
  std::error_code none;
  for (std::filesystem::directory_iterator at(folder, none), end; !none && at != end; at.increment(none)) {
    ++machines[at->path().stem().string()];
  }
  int most = 0;
  for (const auto& [machine, ranks] : machines) most = std::max(most, ranks);
  return most;
}

PilotLayout layout_of(const results::RunDirectory& run, const json& item_config, std::size_t groups) {
  PilotLayout layout;
  layout.degrees = configs::pipeline_from_dump(item_config.at("layer2_inference_config")).parallel;
  layout.degrees.dp = static_cast<int>(groups);
  layout.ranks = layout.degrees.group_size() * layout.groups();
  layout.threads = item_config.value("threads", 0);
  const json config = json::parse(results::durable::read_file(run.config()), nullptr, false);
  if (config.is_object()) {
    layout.device = config.value("device", "");
    layout.device_name = config.value("device_name", "");
  }
  return layout;
}

std::string model_of(const json& layer1) {
  if (const auto noop = layer1.find("noop"); noop != layer1.end() && noop->is_number())
    return "noop " + noop->dump();
  for (const json& component : layer1.value("models", json::array())) {
    if (configs::component_named(component.value("name", "")) == "transformer")
      return component.value("key_hash", "");
  }
  return {};
}

}  // namespace

Pilot measure(const results::RunDirectory& run, const PilotFacts& facts) {
  EpochRecords records = records_of(run, facts.epoch);
  Pilot pilot{.epoch = records.epoch,
              .startup_seconds = startup_of(run, records),
              .text_stage_seconds = facts.text_stage_seconds,
              .texts = facts.texts};
  json config;
  std::map<std::array<int, 3>, std::vector<Measured>> classes;
  std::map<int, std::vector<double>> seconds;
  for (const Part& part : chosen_parts(std::move(records.parts), records.done)) {
    for (const Measured& item : measure_part(part, config)) {
      classes[item.size].push_back(item);
      seconds[part.group].push_back(item.seconds());
    }
    pilot.items.insert(pilot.items.end(), part.items.begin(), part.items.end());
  }
  for (const auto& [size, items] : classes) pilot.classes.push_back(class_of(items));
  pilot.pause_seconds = pause_of(records, seconds);
  pilot.layer2 = configs::with_component_names(config.at("layer2_inference_config"));
  pilot.model = model_of(config.at("layer1_model_definition"));
  pilot.layout = layout_of(run, config, records.groups.size());
  pilot.layout.ranks_per_machine =
      facts.ranks_per_machine > 0 ? facts.ranks_per_machine : ranks_of_a_machine(run.status(records.epoch));
  return pilot;
}

}  // namespace ditmill::jobs::plan
