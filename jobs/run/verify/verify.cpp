#include "jobs/run/verify/verify.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "configs/error.h"
#include "jobs/requests/text/line_reader.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/journal/reader.h"
#include "jobs/results/journal/tail.h"
#include "jobs/results/listing/require_run.h"
#include "jobs/run/epoch.h"
#include "jobs/run/frozen/frozen_files.h"
#include "jobs/run/frozen/key_index.h"
#include "jobs/run/frozen/resume.h"
#include "jobs/run/verify/cures.h"
#include "jobs/run/verify/index_audit.h"
#include "jobs/run/verify/part_audit.h"
#include "registry/digest.h"

namespace ditmill::jobs::run {
namespace {

namespace fs = std::filesystem;

std::string name_of(const std::string& path) { return fs::path(path).filename().string(); }

bool exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error) && !error;
}

/// Paths in a folder, sorted; none if there is no such folder.
std::vector<fs::path> entries_of(const std::string& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    found.push_back(at->path());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw system_error(error.value(), "list a folder of the run directory", Where{.file = folder});
  }
  std::sort(found.begin(), found.end());
  return found;
}

class Verifier {
 public:
  Verifier(const results::RunDirectory& run, const slurm::Allocation& allocation,
           const std::function<void(const VerifyProgress&)>& progress)
      : run_(run), owner_(live_owner(run, allocation)), progress_(progress) {}

  VerifyReport run() {
    read_config();
    read_list();
    check_frozen();
    const KeyIndex keys(list_);
    keys_ = &keys;
    // Before the journals are read: a run at work journals its parts after it has sealed them.
    const std::vector<fs::path> folders = entries_of(run_.parts());
    state_ = results::read_journals(run_);
    count_outcomes();
    for (const results::JournalFile& file : results::journal_files(run_)) audit_journal(file);
    find_leftovers(folders);
    audit_links();
    if (owner_) {
      report_.notes.push_back("a run is at work here (" + *owner_ + "): what it does now is not counted");
    }
    report_.parts = parts_;
    report_.bytes = bytes_;
    return std::move(report_);
  }

 private:
  void damage(std::string file, std::string what, std::vector<std::string> items = {}, int line = 0) {
    report_.damage.push_back(
        {.file = std::move(file), .items = std::move(items), .what = std::move(what), .line = line});
  }
  /// Of a journal.
  void damage_at(const std::string& journal, int line, const std::string& what,
                 std::vector<std::string> items = {}) {
    damage(journal, "line " + std::to_string(line) + ": " + what, std::move(items), line);
  }

  void read_config() {
    if (!exists(run_.config())) return;
    config_ = nlohmann::json::parse(results::durable::read_file(run_.config()), nullptr, false);
    if (config_.is_object()) return;
    config_ = nullptr;
    damage(name_of(run_.config()), "it is no JSON object");
  }

  void read_list() {
    try {
      std::optional<FrozenJob> frozen = read_frozen_job(run_);
      if (!frozen) return damage(name_of(run_.requests()), "it is missing");
      list_ = std::move(frozen->items);
    } catch (const Error& error) {
      if (error.category() != Category::bad_input) throw;
      damage(name_of(run_.requests()), "line " + std::to_string(error.where().line) + ": expected " +
                                           error.expected() + ", got " + error.got());
    }
  }

  void check_frozen() {
    if (!exists(run_.config()) && !results::journal_files(run_).empty())
      damage(name_of(run_.config()), "it is missing");
    if (config_.is_null()) return;
    if (exists(run_.requests())) {
      check_hash(run_.requests(), list_sha256(run_.requests()), "/layer3_requests/sha256"_json_pointer);
    }
    check_hash(run_.manifest(),
               exists(run_.manifest()) ? registry::sha256_hex(results::durable::read_file(run_.manifest()))
                                       : "no such file",
               "/manifest_sha256"_json_pointer);
    const nlohmann::json identity = config_.value(identity_field, nlohmann::json{});
    if (!identity.is_object()) return;
    requests::ItemKeys keys{identity};
    for (const requests::PackedItem& item : list_.packed()) {
      if (keys.of(item) == item.key) continue;
      damage(name_of(run_.requests()),
             "line " + std::to_string(item.line) + ": the key is not that of the request",
             {std::string{item.id}});
    }
  }

  /// The file must be that of config.json; or that of the one that a start died before publishing.
  void check_hash(const std::string& file, const std::string& found,
                  const nlohmann::json::json_pointer& where) {
    const nlohmann::json expected = config_.contains(where) ? config_.at(where) : nlohmann::json{};
    if (!expected.is_string() || expected == found) return;
    const nlohmann::json next = read_unpublished_config(run_);
    if (next.contains(where) && next.at(where) == found) {
      report_.notes.push_back(name_of(file) + ": it is that of " + name_of(run_.config()) +
                              ".tmp, which a start had no time to publish: the next one does");
      return;
    }
    damage(name_of(file), "it is not that of config.json: expected SHA-256 " + expected.get<std::string>() +
                              ", got " + found);
  }

  void count_outcomes() {
    report_.items = list_.size();
    for (const requests::PackedItem& item : list_.packed()) {
      switch (state_.by_key.outcome(item.key)) {
        case results::ItemOutcome::done:
          ++report_.done;
          break;
        case results::ItemOutcome::failed:
          report_.failed.emplace_back(item.id);
          break;
        case results::ItemOutcome::quarantined:
          report_.quarantined.emplace_back(item.id);
          break;
        case results::ItemOutcome::left:
          report_.left.emplace_back(item.id);
          break;
      }
    }
  }

  void audit_journal(const results::JournalFile& file) {
    const std::string name = "journal/" + name_of(file.path);
    const std::unique_ptr<registry::ByteSource> source = registry::open_file(file.path);
    requests::LineReader lines(*source, results::JournalTail::longest_line);
    ClaimedPart part;  // all lines of a part follow each other
    std::string_view line;
    while (next(lines, name, line)) {
      if (!lines.terminated()) {
        report_.notes.push_back(name + ", line " + std::to_string(lines.line()) +
                                ": torn, as a kill or a power failure leaves it; it does not count");
        break;
      }
      std::string why;
      const std::optional<results::Record> record = results::from_line(line, why);
      if (!record) damage_at(name, lines.line(), why);
      if (!record || record->event != results::Event::done) continue;
      compare_contents(*record, name, lines.line());
      if (record->part != part.path) {
        audit(part);
        part = {.path = record->part, .bytes = record->part_bytes, .hash = record->part_hash, .items = {}};
      }
      part.items.push_back({.item = record->item,
                            .key = record->key,
                            .content = record->content,
                            .listed = keys_->find(record->key)});
    }
    audit(part);
  }

  bool next(requests::LineReader& lines, const std::string& name, std::string_view& line) {
    try {
      return lines.next(line);
    } catch (const Error& error) {
      if (error.category() != Category::bad_input) throw;
      damage_at(name, lines.line(), "longer than any line of a journal");
      return false;
    }
  }

  void compare_contents(const results::Record& record, const std::string& journal, int line) {
    const std::optional<results::ItemState> state = state_.by_key.find_done(record.key);
    if (!state || state->record.content == record.content) return;
    damage_at(journal, line,
              "done with other content (" + record.part + ", " + record.content +
                  ") than the one that counts (" + state->record.part + ", " + state->record.content +
                  "): the same item must give the same bytes",
              {record.item});
  }

  /// Items that only this part holds.
  std::vector<std::string> needed(const ClaimedPart& part) const {
    std::vector<std::string> items;
    for (const Claim& claim : part.items) {
      const std::optional<results::ItemState> state = state_.by_key.find_done(claim.key);
      if (!state || state->record.part == part.path) items.push_back(claim.item);
    }
    return items;
  }

  void audit(const ClaimedPart& part) {
    if (part.path.empty()) return;
    named_.insert(part.path);
    std::error_code error;
    const std::uintmax_t size = fs::file_size(run_.path() + "/" + part.path, error);
    if (error || size != part.bytes) {
      std::vector<std::string> items = needed(part);
      std::string what =
          error ? "the part cannot be found: " + error.message()
                : "the part has " + std::to_string(size) + " bytes, not " + std::to_string(part.bytes);
      if (items.empty()) {
        report_.notes.push_back(part.path + ": " + what + "; its items were done again since");
      } else {
        damage(part.path, std::move(what), std::move(items));
      }
      if (error) return;
    }
    PartAudit found = audit_part(run_, part);
    std::move(found.damage.begin(), found.damage.end(), std::back_inserter(report_.damage));
    if (!found.unclaimed.empty()) {
      report_.notes.push_back(part.path +
                              " also holds what no journal says is done: " + some_of(found.unclaimed));
    }
    ++parts_;
    bytes_ += size;
    items_ += part.items.size();
    progress_({.parts = parts_,
               .bytes = bytes_,
               .items = items_,
               .expected_items = report_.done,
               .damage = report_.damage.size()});
  }

  void find_leftovers(const std::vector<fs::path>& folders) {
    if (owner_) return;
    const auto add = [this](const fs::path& path) {
      report_.leftovers.push_back(path.lexically_relative(run_.path()).string());
    };
    const auto is_temporary = [](const fs::path& path) {
      return path.filename().string().ends_with(results::durable::temp_suffix);
    };
    for (const std::string& folder : run_.published()) {
      for (const fs::path& path : entries_of(folder)) {
        if (is_temporary(path)) add(path);
      }
    }
    for (const fs::path& folder : folders) {
      for (const fs::path& path : entries_of(folder.string())) {
        if (!named_.contains(path.lexically_relative(run_.path()).string())) add(path);
      }
    }
    for (const std::string& folder : {run_.spools(), run_.statuses()}) {
      for (const fs::path& path : entries_of(folder)) add(path);
    }
  }

  void audit_links() {
    requests::IdIndex ids{list_};
    for (std::size_t i = 0; i < list_.size(); ++i) ids.insert(i);
    const TargetOf target_of = [&](std::string_view id) -> std::optional<LinkTarget> {
      const std::optional<std::size_t> index = ids.find(id);
      const std::optional<results::ItemState> state =
          index ? state_.by_key.find_done(registry::hex(list_.packed()[*index].key)) : std::nullopt;
      if (!state) return std::nullopt;
      return LinkTarget{.part = state->record.part, .item = state->record.item};
    };
    IndexAudit found = audit_index(run_, report_.done, target_of, config_);
    std::move(found.damage.begin(), found.damage.end(), std::back_inserter(report_.damage));
    if (!owner_) report_.stale_index = std::move(found.stale);
  }

  const results::RunDirectory& run_;
  std::optional<std::string> owner_;
  const std::function<void(const VerifyProgress&)>& progress_;
  nlohmann::json config_;
  requests::ItemList list_;
  const KeyIndex* keys_ = nullptr;
  results::JournalState state_;
  std::unordered_set<std::string> named_;
  std::size_t parts_ = 0;
  std::uint64_t bytes_ = 0;
  std::size_t items_ = 0;
  VerifyReport report_;
};

}  // namespace

int VerifyReport::exit_code() const noexcept {
  if (!damage.empty()) return 3;
  return failed.empty() && quarantined.empty() && left.empty() && stale_index.empty() ? 0 : exit_incomplete;
}

VerifyReport verify_run(const results::RunDirectory& run, const slurm::Allocation& allocation,
                        const std::function<void(const VerifyProgress&)>& progress) {
  results::require_run(run, "verify a run");
  VerifyReport report = Verifier{run, allocation, progress}.run();
  report.cures = cures(run, report.damage);
  return report;
}

}  // namespace ditmill::jobs::run
