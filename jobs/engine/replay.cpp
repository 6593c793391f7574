#include "jobs/engine/replay.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <variant>

#include "configs/declared_fields.h"
#include "configs/dump.h"
#include "configs/error.h"
#include "dist/comm/agree.h"
#include "jobs/engine/run.h"
#include "jobs/plan/manifest/from_dump.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/files/output.h"
#include "jobs/results/files/temporary_folder.h"
#include "jobs/results/listing/stored_run.h"
#include "jobs/results/store/compare.h"
#include "jobs/run/frozen/kept_inputs.h"
#include "jobs/run/frozen/resume.h"

namespace ditmill::jobs::engine {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// The run directory of the repetition: that of --keep, or one beside the item's that goes with this object.
class Workplace {
 public:
  Workplace(const results::RunDirectory& run, const std::string& keep) {
    if (keep.empty()) {
      // In the run directory, for all ranks see that one.
      path_ = temporary_.emplace(run.path() + "/replay-").path();
      return;
    }
    path_ = fs::absolute(keep).lexically_normal().string();
    std::error_code error;
    fs::create_directories(path_, error);
    if (error) throw system_error(error.value(), "make the folder of --keep", Where{.file = path_});
    if (!fs::is_empty(path_, error)) {
      throw Error{Category::usage, "make an item again", Where{.file = path_},
                  Expected{"a new or empty folder for --keep"}};
    }
  }

  const std::string& path() const noexcept { return path_; }
  bool keeps() const noexcept { return !temporary_; }

 private:
  std::optional<results::TemporaryFolder> temporary_;
  std::string path_;
};

/// What is wrong with stored bytes is the disk's fault: the item is named, and so is the way out.
Error damaged(const std::string& part, const std::string& id, std::string expected, std::string got) {
  return Error{Category::io,
               "read what is stored of an item",
               Where{.file = part, .item = id},
               Expected{std::move(expected)},
               Got{std::move(got)},
               "the part is damaged; without it, a new start of the job makes its items again"};
}

/// Where the journals once acknowledged an item that now counts as left; empty: nowhere.
std::string lost_part(const results::RunDirectory& run, const results::ListedItem& item) {
  std::vector<results::JournalReport> ignored;
  for (const results::JournalFile& file : results::journal_files(run)) {
    for (const results::Record& record :
         results::parse_journal(results::durable::read_file(file.path), file.path, ignored)) {
      if (record.event == results::Event::done && record.key == item.key)
        return run.path() + "/" + record.part;
    }
  }
  return {};
}

template <typename T>
T attribute(const results::h5::Attributes& attributes, std::string_view name, T otherwise) {
  for (const auto& [each, value] : attributes) {
    if (each == name && std::holds_alternative<T>(value)) return std::get<T>(value);
  }
  return otherwise;
}

/// An item as its run has it, and what it takes to make it again; on rank 0.
class Replay {
 public:
  explicit Replay(const ReplayOptions& options)
      : options_(options),
        run_(options.run_directory),
        item_(find_item()),
        place_(run_.directory(), options.keep) {
    results::durable::write_file(dump_path(), dump_text_);
  }

  /// The job of this item alone.
  plan::RunOptions job() const {
    plan::RunOptions run = options_.run;
    run.from_dump = dump_path();
    run.run_dir = place_.path();
    // Before what the user sets: the groups that the item's job had say nothing of this one's world.
    run.sets = kept_;
    run.sets.emplace_back("pipeline.parallel.dp=auto");
    run.sets.insert(run.sets.end(), options_.run.sets.begin(), options_.run.sets.end());
    run.json = false;
    run.out.clear();
    return run;
  }

  /// Compares; returns the exit code.
  int conclude(int job_code) const {
    if (job_code != 0) {
      if (job_code == exit_incomplete) {
        const results::ResultsRun again(place_.path());
        std::cerr << "ditmill: the item failed when it was made again: "
                  << printable(again.item(item_.stored).reason, 2000) << "\n";
      }
      return job_code;
    }
    const results::ResultsRun again(place_.path());
    const results::ListedItem& made = again.item(item_.stored);
    const bool equal = made.content == item_.content;
    json report{{"id", item_.id},
                {"equal", equal},
                {"content", {{"then", item_.content}, {"now", made.content}}},
                {"datasets", json::object()},
                {"changes", json::array()},
                {"kept", place_.keeps() ? json(place_.path()) : json()}};
    if (!equal) {
      report["datasets"] = datasets(results::compare_items(
          results::PartReader(part_), results::PartReader(again.part_of(made)), item_.stored));
      report["changes"] = plan::differences(made_then(), made_now(), changing_fields);
    }
    return results::write_results(options_.run.out, [&](std::ostream& out) {
      out << (options_.run.json ? report.dump(2) + "\n" : to_text(report));
      return equal ? 0 : exit_incomplete;
    });
  }

 private:
  static constexpr std::array<const char*, 7> changing_fields{
      "ditmill_version", "device", "device_name", "threads", "libraries", "parallel", run::identity_field};

  std::string dump_path() const { return place_.path() + "/item.json"; }

  /// Reads what is stored whole, so that nothing damaged is compared with.
  results::ListedItem find_item() {
    const results::ListedItem& item = run_.item(options_.id);
    if (item.outcome == results::ItemOutcome::left) {
      const std::string part = lost_part(run_.directory(), item);
      if (!part.empty())
        throw damaged(part, item.id, "the part as it was acknowledged", "it is missing or of another size");
    }
    part_ = run_.part_of(item);
    try {
      const results::PartReader part(part_);
      const std::string content = part.content(item.stored);
      if (content != item.content) throw damaged(part_, item.id, "content " + item.content, content);
      attributes_ = part.attributes(item.stored);
      keep_alike(part, item.stored);
    } catch (const Error& error) {
      if (error.category() != Category::bad_input && error.category() != Category::not_found) throw;
      throw damaged(part_, item.id, error.expected(), error.got().empty() ? error.what() : error.got());
    }
    dump_text_ = attribute<std::string>(attributes_, "config_json", "");
    dump_ = json::parse(dump_text_, nullptr, false);
    if (!dump_.is_object()) {
      throw damaged(part_, item.id, "attribute config_json, a JSON object", printable(dump_text_, 80));
    }
    take_kept_inputs();
    return item;
  }

  /// Files that are gone from where they were are those that the run has kept.
  void take_kept_inputs() {
    const auto request = dump_.find("layer3_request");
    if (request == dump_.end() || !request->is_object()) return;
    for (const configs::Field& field : configs::family_request_fields()) {
      const auto found = request->find(field.name);
      if (found == request->end() || !found->is_object()) continue;
      const std::optional<configs::FieldValue> value = configs::field_value(field, *found);
      if (!value) continue;
      const configs::FieldValues there = run::with_kept_inputs(run_.directory(), {{field.name, *value}});
      *found = configs::to_json(there.at(field.name));
    }
    dump_text_ = dump_.dump();
  }

  /// A dump of one item does not say what was kept of it; its content is a hash of just that.
  void keep_alike(const results::PartReader& part, const std::string& id) {
    for (const char* output : {"frames", "latents"}) {
      kept_.push_back(fmt::format("output.{}={}", output, part.shape(id, output).has_value()));
    }
    for (const configs::Output& output : configs::family_outputs()) {
      if (part.shape(id, output.name)) kept_.push_back(fmt::format("output.{}=true", output.name));
    }
    if (!part.shape(id, "video")) return;
    const results::h5::Attributes video = part.video_attributes(id);
    kept_.push_back(fmt::format(
        "output.video={{codec: {}, crf: {}, pix_fmt: {}}}", attribute<std::string>(video, "codec", ""),
        attribute<std::int64_t>(video, "crf", 0), attribute<std::string>(video, "pix_fmt", "")));
  }

  /// What config.json says of the start that wrote it, and the item of its own.
  json made_then() const {
    const json config = read_config(run_.directory());
    json then = layout_of(dump_);
    for (const char* field : {"device", "device_name", "libraries", run::identity_field}) {
      if (config.contains(field)) then[field] = config.at(field);
    }
    then["threads"] = dump_.value("threads", json());
    then["ditmill_version"] = attribute<std::string>(attributes_, "ditmill_version", "");
    return then;
  }

  json made_now() const {
    json now = read_config(results::RunDirectory{place_.path()});
    now.update(layout_of(now));
    return now;
  }

  static json read_config(const results::RunDirectory& run) {
    json config = json::parse(results::durable::read_file(run.config()), nullptr, false);
    return config.is_object() ? config : json::object();
  }

  /// How many groups share the items changes no byte.
  static json layout_of(const json& dump) {
    json parallel = dump.value(json::json_pointer{"/layer2_inference_config/parallel"}, json());
    if (parallel.is_object()) parallel.erase("dp");
    return {{"parallel", std::move(parallel)}};
  }

  static json datasets(const results::ItemDifference& difference) {
    json sets = json::object();
    for (const auto& [name, bytes] : difference.bytes) {
      sets[name] = {{"bytes", bytes.bytes},
                    {"differing_bytes", bytes.differing},
                    {"differing_share", bytes.share()},
                    {"max_difference", bytes.most}};
    }
    for (const auto& [name, reals] : difference.reals) {
      sets[name] = {{"relative_distance", reals.relative}, {"max_difference", reals.most}};
    }
    return sets;
  }

  std::string to_text(const json& report) const {
    const json& sets = report.at("datasets");
    std::string text = report.at("equal").get<bool>()
                           ? fmt::format("{}: equal, byte for byte (content {})\n", item_.id, item_.content)
                           : fmt::format("{}: not equal\n", item_.id);
    for (const configs::Output& output : configs::declared_outputs()) {
      if (!sets.contains(output.name)) continue;
      const json& apart = sets.at(output.name);
      if (output.type == configs::OutputType::float32) {
        text += fmt::format("  {}: relative distance {:.3g}, {:.3g} at most\n", output.name,
                            apart.at("relative_distance").get<double>(),
                            apart.at("max_difference").get<double>());
        continue;
      }
      text += fmt::format("  {}: {:.3g} % of {} bytes differ, by {} at most\n", output.name,
                          100 * apart.at("differing_share").get<double>(),
                          apart.at("bytes").get<std::uint64_t>(), apart.at("max_difference").get<int>());
    }
    for (const json& change : report.at("changes")) text += "  " + change.get<std::string>() + "\n";
    if (place_.keeps()) text += "kept in " + place_.path() + "\n";
    return text;
  }

  const ReplayOptions& options_;
  results::ResultsRun run_;
  std::string part_;
  results::h5::Attributes attributes_;
  std::vector<std::string> kept_;  ///< --set of what is kept
  std::string dump_text_;
  json dump_;
  results::ListedItem item_;
  Workplace place_;
};

/// Rank 0's job on every rank.
plan::RunOptions broadcast(const dist::Communicator& world, plan::RunOptions run) {
  json job{{"from_dump", run.from_dump}, {"run_dir", run.run_dir}, {"sets", run.sets}};
  job = json::parse(world.broadcast_text(world.rank() == 0 ? job.dump() : "", 0, dist::Purpose::plan));
  run.from_dump = job.at("from_dump").get<std::string>();
  run.run_dir = job.at("run_dir").get<std::string>();
  run.sets = job.at("sets").get<std::vector<std::string>>();
  return run;
}

}  // namespace

int replay_item(const dist::MpiSession& mpi, const ReplayOptions& options) {
  const dist::Communicator world = mpi.world();
  const bool leads = world.rank() == 0;
  std::optional<Replay> replay;
  plan::RunOptions job = options.run;
  try {
    dist::agree(world, [&] {
      if (!leads) return;
      replay.emplace(options);
      job = replay->job();
    });
  } catch (const dist::AgreedError&) {
    if (!leads) return 0;
    throw;
  }
  job = broadcast(world, std::move(job));
  const int code = run_job(mpi, job);
  // Every rank has taken its files out of the repetition's folder before rank 0 removes that.
  world.barrier(dist::Purpose::plan);
  return replay ? replay->conclude(code) : 0;
}

}  // namespace ditmill::jobs::engine
