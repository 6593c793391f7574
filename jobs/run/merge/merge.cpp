#include "jobs/run/merge/merge.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <system_error>

#include "configs/error.h"
#include "configs/yaml_reader.h"
#include "configs/yaml_text.h"
#include "jobs/requests/text/line_reader.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/journal/reader.h"
#include "jobs/results/journal/tail.h"
#include "jobs/results/store/index.h"
#include "jobs/run/epoch.h"
#include "jobs/run/frozen/frozen_config.h"
#include "jobs/run/frozen/frozen_files.h"
#include "jobs/run/frozen/key_index.h"
#include "jobs/run/frozen/resume.h"
#include "jobs/run/merge/merge_files.h"
#include "jobs/run/merge/merge_sources.h"
#include "registry/digest.h"

namespace ditmill::jobs::run {
namespace {

namespace fs = std::filesystem;
using configs::YamlNode;

constexpr std::size_t write_bytes = std::size_t{1} << 20;

YamlNode text_node(std::string text) {
  YamlNode node;
  node.kind = YamlNode::Kind::scalar;
  node.text = std::move(text);
  node.quoted = true;
  return node;
}

void put(YamlNode& mapping, const std::string& key, YamlNode value) {
  for (auto& [name, held] : mapping.entries) {
    if (name.text != key) continue;
    held = std::move(value);
    return;
  }
  YamlNode name = text_node(key);
  name.quoted = false;
  mapping.entries.emplace_back(std::move(name), std::move(value));
}

class Merger {
 public:
  Merger(const MergeOptions& options, const slurm::Allocation& allocation)
      : options_(options), final_(final_path(options.out)), array_(is_array(final_, options.runs)) {
    if (array_) {
      lock_ = lock_folder(final_.path());
      require_idle(final_, allocation, "merge an array into its run directory");
    } else {
      folder_.emplace(final_.path());
      out_ = results::RunDirectory{folder_->path()};
    }
    sources_ = read_sources(options.runs, array_, allocation);
  }

  MergeReport run() {
    report_.notes = std::move(sources_.notes);
    out_.create();
    if (array_) {
      require_own_epochs();
      fs::remove(out_.outcome());
    }
    for (const MergeSource& source : sources_.runs) {
      for (const results::JournalFile& journal : results::journal_files(source.run))
        merge_journal(source, journal);
    }
    sync_tree(out_.parts());
    for (const std::string& journal : journals_) {
      results::durable::publish(journal + std::string{results::durable::temp_suffix}, journal);
    }
    for (const MergeSource& source : sources_.runs) merge_epochs(source);
    const nlohmann::json config = write_frozen();
    const results::JournalState journals = results::read_journals(out_);
    find_alarms(journals);
    results::write_index(out_, journals, config);
    write_outcome(journals);
    if (folder_) folder_->publish();
    return std::move(report_);
  }

 private:
  static results::RunDirectory final_path(const std::string& out) {
    std::string path = fs::absolute(out).lexically_normal().string();
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return results::RunDirectory{path};
  }

  /// Whether the runs are those of an array whose run directory `out` is.
  static bool is_array(const results::RunDirectory& out, const std::vector<std::string>& runs) {
    if (!fs::is_directory(out.shards())) return false;
    const fs::path shards = fs::canonical(out.shards());
    return std::ranges::all_of(runs, [&shards](const std::string& run) {
      return fs::weakly_canonical(run).parent_path() == shards;
    });
  }

  /// Refuses an array's run directory that holds epochs of its own: a merge would take their names.
  void require_own_epochs() const {
    const auto count = static_cast<int>(sources_.runs.size());
    for (int epoch = results::newest_epoch(out_); epoch > 0; --epoch) {
      if (!fs::exists(out_.epoch(epoch))) continue;
      const MergeSource& source = sources_.runs[static_cast<std::size_t>((epoch - 1) % count)];
      const std::optional<std::string> text = epoch_text(source, (epoch - 1) / count + 1);
      if (text && *text == results::durable::read_file(out_.epoch(epoch))) continue;
      throw Error{Category::usage,
                  "merge an array into its run directory",
                  Where{.file = out_.epoch(epoch)},
                  Expected{"an epoch of a shard's"},
                  Got{"one of a run on the merged directory, or of other shards"},
                  "merge into another --out"};
    }
  }

  void note(const std::string& file, int line, const std::string& what) {
    report_.notes.push_back(file + ", line " + std::to_string(line) + ": " + what + "; it is left out");
  }

  void merge_journal(const MergeSource& source, const results::JournalFile& journal) {
    const std::unique_ptr<registry::ByteSource> bytes = registry::open_file(journal.path);
    requests::LineReader lines(*bytes, results::JournalTail::longest_line);
    const int epoch = source.renumbered(journal.epoch);
    journals_.push_back(out_.journal(epoch, journal.group));
    results::durable::File file = results::durable::File::open(
        journals_.back() + std::string{results::durable::temp_suffix}, O_WRONLY | O_CREAT | O_TRUNC);
    std::string text;
    std::string last_part;
    std::string_view line;
    while (lines.next(line)) {
      std::string why = "the line is torn";
      std::optional<results::Record> record =
          lines.terminated() ? results::from_line(line, why) : std::nullopt;
      if (record && record->event == results::Event::done) {
        const std::optional<std::string> part = raise_epoch(record->part, epoch - journal.epoch);
        if (part) {
          if (*part != last_part) take_part(source, *record, *part);
          last_part = *part;
          record->part = *part;
        } else {
          record.reset();
          why = "its part has a foreign name";
        }
      }
      if (!record) {
        note(journal.path, lines.line(), why);
        continue;
      }
      text += results::to_line(*record);
      if (text.size() < write_bytes) continue;
      file.write(text);
      text.clear();
    }
    file.write(text);
    file.sync();
    file.close();
  }

  /// A part that is not there, or is cut, is left out: the merged journal's reader then says so.
  void take_part(const MergeSource& source, const results::Record& record, const std::string& part) {
    const std::string from = source.run.path() + "/" + record.part;
    const std::string to = out_.path() + "/" + part;
    std::error_code error;
    const std::uintmax_t size = fs::file_size(from, error);
    if (error || size != record.part_bytes) {
      report_.notes.push_back(
          from +
          (error ? ": the part cannot be found" : ": the part has another size than the journal says") +
          "; its items are to be made again");
      return;
    }
    if (fs::exists(to)) return;  // never changed: of this merge, or of the last one
    const std::string parent = fs::path(to).parent_path().string();
    fs::create_directories(parent, error);
    if (error) throw system_error(error.value(), "make a folder for parts", Where{.file = parent});
    ++(link_or_copy(from, to, options_.copy) ? report_.parts_linked : report_.parts_copied);
  }

  /// What stands in the file of a source's epoch; none: it has no such file.
  static std::optional<std::string> epoch_text(const MergeSource& source, int epoch) {
    if (fs::exists(source.run.epoch(epoch))) return results::durable::read_file(source.run.epoch(epoch));
    return epoch == source.newest ? std::optional<std::string>{"{}\n"} : std::nullopt;
  }

  /// Who worked on it, and so that the next start takes a higher number. Nobody holds them: the next start
  /// need not wait.
  void merge_epochs(const MergeSource& source) {
    for (int epoch = 1; epoch <= source.newest; ++epoch) {
      const std::optional<std::string> text = epoch_text(source, epoch);
      if (!text) continue;
      const std::string path = out_.epoch(source.renumbered(epoch));
      results::durable::write_file(path, *text);
      const timespec released[2] = {};
      const results::durable::File file = results::durable::File::open(path, O_WRONLY);
      if (::futimens(file.fd(), released) != 0)
        throw system_error(errno, "touch a file", Where{.file = path});
    }
  }

  /// The merged list, and manifest.yaml and config.json: the first's, with that list as their items.
  nlohmann::json write_frozen() {
    const results::RunDirectory& first = sources_.runs.front().run;
    std::vector<Problem> problems;
    YamlNode root =
        configs::parse_yaml(results::durable::read_file(first.manifest()), first.manifest(), problems);
    if (!problems.empty()) throw Error{std::move(problems)};
    YamlNode requests;
    requests.kind = YamlNode::Kind::mapping;
    put(requests, "file", text_node(final_.requests()));
    put(root, "requests", std::move(requests));
    YamlNode output;
    output.kind = YamlNode::Kind::mapping;
    if (const YamlNode* frozen = root.find("output")) output = *frozen;
    put(output, "path", text_node(final_.path()));
    put(root, "output", std::move(output));
    const std::string manifest = to_yaml(root);
    const std::string list = write_requests_beside(out_, sources_.items);

    nlohmann::json config = sources_.runs.front().config;
    config["layer3_requests"] = dump_requests(list, sources_.items.size());
    config["manifest_sha256"] = registry::sha256_hex(manifest);
    publish_frozen(out_, manifest, list, config);
    if (fs::exists(first.digests()))
      results::durable::write_file(out_.digests(), results::durable::read_file(first.digests()));
    return config;
  }

  /// The journals once more, for what was done twice.
  void find_alarms(const results::JournalState& journals) {
    std::set<std::string> ids;
    std::vector<results::JournalReport> ignored;
    for (const results::JournalFile& journal : results::journal_files(out_)) {
      results::for_each_record(journal.path, ignored, [&](const results::Record& record) {
        if (record.event != results::Event::done) return;
        const std::optional<results::ItemState> counts = journals.by_key.find_done(record.key);
        if (counts && counts->record.content != record.content) ids.insert(record.item);
      });
    }
    report_.alarms.assign(ids.begin(), ids.end());
  }

  void write_outcome(const results::JournalState& journals) {
    report_.items = count_items(sources_.items, journals);
    Outcome outcome = decide_outcome(report_.items, report_.items, {}, results::newest_epoch(out_));
    outcome.reason = "merged from " + std::to_string(sources_.runs.size()) + " runs";
    run::write_outcome(out_, outcome);
  }

  const MergeOptions& options_;
  results::RunDirectory final_;
  bool array_;
  std::optional<BuildFolder> folder_;  ///< what is built aside; none: an array, and its lock
  std::optional<results::durable::File> lock_;
  MergeSources sources_;
  results::RunDirectory out_ = final_;
  std::vector<std::string> journals_;  ///< written, and without their names yet
  MergeReport report_;
};

}  // namespace

MergeReport merge_runs(const MergeOptions& options, const slurm::Allocation& allocation) {
  return Merger{options, allocation}.run();
}

}  // namespace ditmill::jobs::run
