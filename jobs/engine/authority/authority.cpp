#include "jobs/engine/authority/authority.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "configs/list_text.h"
#include "configs/version.h"
#include "dist/comm/agree.h"
#include "jobs/plan/manifest/from_dump.h"
#include "jobs/plan/manifest/frozen.h"
#include "jobs/plan/memory/turns_choice.h"
#include "jobs/plan/pilot/pilot_results.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/files/frozen_shard.h"
#include "jobs/results/journal/writer.h"
#include "jobs/results/store/group_store.h"
#include "jobs/results/store/index.h"
#include "jobs/results/store/recover.h"
#include "jobs/run/frozen/frozen_files.h"
#include "jobs/run/frozen/gone_inputs.h"
#include "jobs/run/frozen/kept_inputs.h"
#include "jobs/run/frozen/resume.h"
#include "registry/digest.h"

namespace ditmill::jobs::engine {

Authority::Authority(plan::RunOptions options, LaunchFacts facts)
    : options_(std::move(options)), facts_(std::move(facts)) {
  std::vector<Problem> problems;
  job_ = plan::prepare_job(options_, problems);
  for (const std::string& warning : plan::warning_lines(job_.warnings)) spdlog::warn("{}", warning);
  if (!problems.empty()) throw Error{std::move(problems)};
  if (const std::vector<std::string>& names = job_.manifest.metadata_names; !names.empty()) {
    spdlog::info("metadata: {}", plan::metadata_line(names));
  }
  results::require_same_shard(results::RunDirectory{job_.manifest.output.path}, job_.manifest.shard);
  const std::string groups =
      pipeline().parallel.automatic
          ? std::string{"groups still to be chosen"}
          : fmt::format("{} groups", plan::lay_out(job_, facts_.world).degree(dist::Axis::dp));
  if (dumped_threads() > 0) facts_.threads = dumped_threads();

  run_.emplace(job_.manifest.output.path);
  run_->create();
  epoch_.emplace(*run_, facts_.allocation);
  spdlog::info("{}: epoch {}, {} items, {}, {} ranks of {} threads", run_->path(), epoch_->number(),
               job_.manifest.items.size(), groups, facts_.world, facts_.threads);
  for (const std::string& file : epoch_->reclaimed()) {
    spdlog::info("removed {}: an earlier start left it unfinished", file);
  }
  asked_items_ = job_.manifest.items.size();
  crashes_ = run::read_crashes(*run_, epoch_->number());
  journals_ = results::read_journals(*run_);
  for (const results::JournalReport& report : journals_.reports) {
    spdlog::warn("{} (byte {}): {}", report.file, report.offset, report.message);
  }
  if (job_.family != nullptr) weights_ = plan::WeightsIdentity{job_, *run_};
  if (weights_.known()) reconcile_items();
}

bool Authority::needs_weights() const noexcept {
  return job_.family != nullptr && (!weights_.known() || !pending_.empty());
}

void Authority::take_cpu(const models::CpuKind& cpu) {
  job_.cpu = cpu;
  if (cpu.native_bfloat16) return;
  std::string slow;
  for (const auto& [name, component] : pipeline().components) {
    if (component.dtype == configs::Dtype::bfloat16) extend_list(slow, name);
  }
  if (slow.empty()) return;
  spdlog::warn(
      "{} in bfloat16: this CPU has no native bfloat16, and float32 is several times faster on it "
      "(pipeline.dtype: float32, or components.NAME.dtype; other results)",
      slow);
}

void Authority::choose_by_memory(std::span<const plan::RankMemory> ranks) {
  const plan::Room room = plan::room_of(ranks);
  if (pipeline().parallel.automatic) choose_layout(room);
  if (options_.skip_memory_check) return;
  if (const std::optional<std::string> turns = plan::choose_turns(job_, room)) spdlog::info("{}", *turns);
}

void Authority::choose_layout(const plan::Room& room) {
  const plan::ParallelChoice choice = plan::choose_parallel(job_, room);
  for (const std::string& reason : choice.reasons) spdlog::info("parallel: auto: {}", reason);
  if (!choice.fits && needs_weights() && !options_.skip_memory_check) {
    throw plan::no_layout_fits(job_, room, choice);
  }
  job_.manifest.pipeline.parallel = choice.degrees;
  spdlog::info("parallel: auto: {}, {} groups", plan::describe(choice.degrees),
               plan::lay_out(job_, facts_.world).degree(dist::Axis::dp));
}

LoadPlan Authority::load_plan() const {
  return {
      .family = std::string{job_.family->name()},
      .pipeline = pipeline(),
      .components = job_.components,
      .tokenizer_path = job_.folder.tokenizer_path,
      // `stage` keeps a file's whole path, so that no two of scattered components meet.
      .copied_folder = options_.staged.empty() ? job_.folder.path : "/",
      .weights_from = options_.copies().empty() ? "" : std::filesystem::absolute(options_.copies()).string()};
}

MemoryDemand Authority::memory_demand() const {
  const dist::Mesh mesh = plan::lay_out(job_, facts_.world);
  return {.plans = plan::plan_ranks(job_, mesh),
          .alternatives = plan::alternatives(job_, pipeline(), mesh),
          .loading = pipeline().loading};
}

std::vector<models::TextTask> Authority::texts_left() {
  requests::ItemList& items = weights_.known() ? items_ : job_.manifest.items;
  if (!weights_.known()) {
    if (const std::optional<run::FrozenJob> frozen = run::read_frozen_job(*run_))
      items.take_keys(frozen->items);
  }
  std::vector<models::TextTask> texts;
  std::set<std::pair<std::string_view, std::string_view>> seen;
  const std::vector<models::Encoding> encodings = job_.family->encodings(pipeline());
  for (const run::PendingItem& left : run::pending_items(items, journals_, options_.retry)) {
    const requests::PackedItem& item = items.packed()[left.item];
    for (const models::Encoding& task : encodings) {
      const std::string_view text = configs::text_of(item, task.field);
      if (seen.insert({task.encoder, text}).second) texts.push_back({task.encoder, std::string{text}});
    }
  }
  return texts;
}

void Authority::reconcile_items() {
  weights_.require_pinned(model(), job_.dump);
  identity_ = requests::job_identity(weights_.components(), pipeline());
  job_.manifest.items.set_keys(requests::ItemKeys{identity_});
  if (const std::optional<run::FrozenJob> frozen = run::read_frozen_job(*run_)) {
    run::Reconciled reconciled =
        run::reconcile(*run_, *frozen, identity_, std::move(job_.manifest.items), options_.drop);
    for (const std::string& note : reconciled.notes) spdlog::info("{}", note);
    requests_are_frozen_ = reconciled.notes.empty();
    items_ = std::move(reconciled.items);
  } else {
    items_ = std::move(job_.manifest.items);
  }
  crash_records_ = run::crash_records(crashes_, items_, journals_.by_key, epoch_->number());
  for (const results::Record& record : crash_records_)
    spdlog::warn("item {}: {}", record.item, reason_text(record));
  chosen_ = run::chosen_items(items_, options_.selection);
  pending_ = run::select_pending(items_, chosen_, run::pending_items(items_, journals_, options_.retry),
                                 options_.selection.shuffle);
  run::require_inputs(*run_, items_, pending_);
}

void Authority::journal_crashes() {
  if (!crash_records_.empty()) {
    // The groups' journals are theirs: this one has the number after the last group's.
    results::JournalWriter journal(
        run_->journal(epoch_->number(), plan::lay_out(job_, facts_.world).degree(dist::Axis::dp)));
    journal.append(crash_records_);
    journal.sync();
  }
  results::remove_statuses(*run_, epoch_->number());
}

void Authority::require_owner() const {
  if (taken_over()) throw results::taken_over(*run_, epoch_->number(), "write down what became of the run");
}

void Authority::settle(const Loading* loading, const at::Device& device) {
  require_owner();
  const bool reconciled = weights_.known();
  if (loading != nullptr) {
    weights_.accept(loading->digests, options_.copies(), *run_);
    results::RunDirectory::make_folder(run_->loadings());
    results::durable::write_file(
        run_->loading(epoch_->number()),
        nlohmann::json{{"epoch", epoch_->number()}, {"components", to_json(std::span{loading->components})}}
            .dump());
  }
  if (!reconciled) reconcile_items();
  freeze(device);
  journal_crashes();
  // Whoever finds none when this start is over knows that it was too sudden an end to write one.
  std::filesystem::remove(run_->outcome());
}

void Authority::freeze(const at::Device& device) {
  const std::string manifest = plan::frozen_manifest(job_.manifest, job_.source.directory);
  job_.manifest.tree = {};
  if (std::filesystem::exists(run_->manifest())) {
    for (const std::string& change :
         plan::manifest_changes(results::durable::read_file(run_->manifest()), manifest)) {
      spdlog::info("the manifest has changed: {}", change);
    }
  }
  manifest_sha256_ = registry::sha256_hex(manifest);
  const std::string requests =
      requests_are_frozen_ ? run_->requests() : run::write_requests_beside(*run_, items_);

  config_ = dump_job(job_,
                     {.identity = identity_,
                      .weights_digest = weights_.model_digest(),
                      .manifest_sha256 = manifest_sha256_,
                      .requests = requests,
                      .items = items_.size()},
                     facts_, device);
  for (const std::string& change : plan::changes_since(job_.dump, config_)) {
    spdlog::warn("not as in {}, the results may differ: {}", options_.from_dump, change);
  }
  run::keep_inputs(*run_, items_, job_.manifest.output.keep_inputs);
  run::publish_frozen(*run_, manifest, requests, config_);
}

StorePlan Authority::store_plan() const {
  return {
      .run_directory = run_->path(),
      .epoch = epoch_->number(),
      .output = job_.manifest.output,
      .provenance = {.model_key_hash =
                         job_.family == nullptr ? "" : job_.folder.component("transformer").identity.key_hash,
                     .weights_digest = weights_.model_digest(),
                     .manifest_sha256 = manifest_sha256_,
                     .ditmill_version = version,
                     .layer1 = config_.at("layer1_model_definition"),
                     .layer2 = config_.at("layer2_inference_config"),
                     .steps = pipeline().steps,
                     .guidance = pipeline().guidance_scale,
                     .threads = facts_.threads}};
}

run::Counts Authority::counts() const {
  if (items_.empty()) return {.left = asked_items_};
  run::Counts counts = run::count_items(items_, journals_);
  for (const run::PendingItem& each : pending_) {
    --counts.of(journals_.by_key.outcome(items_.packed()[each.item].key));  // what was given up, too
    ++counts.left;
  }
  return counts;
}

std::uint64_t Authority::usual_part() const {
  const std::vector<plan::ItemsOfSize> sizes = plan::items_by_size(items_);
  const auto usual = std::max_element(sizes.begin(), sizes.end(),
                                      [](const auto& a, const auto& b) { return a.items < b.items; });
  const std::uint64_t clip = usual == sizes.end() ? 0 : plan::clip_bytes(job_, usual->first);
  const std::optional<int>& items = job_.manifest.output.items_per_part;
  const results::SealLimits limits;
  const std::uint64_t wanted = clip * (items ? static_cast<std::uint64_t>(*items) : limits.items);
  return std::min(wanted, limits.bytes + clip);
}

run::Outcome Authority::conclude(const Error* failure, const run::EarlyEnd& early) {
  require_owner();
  journals_ = results::read_journals(*run_);
  run::Outcome outcome =
      run::decide_outcome(run::count_items(items_, journals_), run::count_items(items_, journals_, chosen_),
                          early, epoch_->number());
  if (failure != nullptr) fail(outcome, *failure);
  std::optional<Error> no_index;
  if (!config_.is_null()) {
    no_index = dist::failure_of([&] { results::write_index(*run_, journals_, config_); });
    if (no_index && failure == nullptr) fail(outcome, *no_index);
  }
  write_outcome(outcome);
  if (no_index) throw Error{*no_index};
  return outcome;
}

run::Outcome Authority::conclude_at_once(const run::Counts& counts, const std::string& why, bool lost,
                                         bool with_index) {
  run::Outcome outcome = run::decide_outcome(counts, counts, {.stopped = why}, epoch_->number());
  if (lost) {
    outcome.exit = exit_code(Category::io);
    outcome.reason = why;
    outcome.crashed = true;
  }
  write_outcome(outcome);
  if (with_index) results::write_index(*run_, results::read_journals(*run_), config_);
  return outcome;
}

void Authority::fail(run::Outcome& outcome, const Error& error) {
  outcome.exit = exit_code(error.category());
  outcome.reason = error.what();
}

void Authority::write_outcome(const run::Outcome& outcome) const {
  require_owner();
  run::write_outcome(*run_, outcome);
}

std::string Authority::finish_pilot() const {
  return plan::write_pilot(*run_, {.epoch = epoch_->number(), .ranks_per_machine = 0}, job_, items_);
}

}  // namespace ditmill::jobs::engine
