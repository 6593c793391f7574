#include "jobs/engine/items/items_phase.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <optional>
#include <set>
#include <string>

#include "dist/comm/agree.h"
#include "jobs/engine/items/coordinator.h"
#include "jobs/engine/items/group_runner.h"
#include "jobs/engine/items/progress.h"
#include "jobs/engine/items/traffic_text.h"
#include "jobs/results/files/free_space.h"
#include "jobs/results/store/group_store.h"

namespace ditmill::jobs::engine {
namespace {

/// While items are worked on, however that ends.
class ItemsPhase {
 public:
  ItemsPhase(EarlyEnding& ending, GroupRunner& runner, Coordinator* coordinator) : ending_(ending) {
    ending_.begin_items(runner, coordinator);
  }
  ItemsPhase(const ItemsPhase&) = delete;
  ItemsPhase& operator=(const ItemsPhase&) = delete;
  ~ItemsPhase() { ending_.end_items(); }

 private:
  EarlyEnding& ending_;
};

void write_progress(const std::string& text) { std::cerr << text << std::flush; }

std::set<int> group_roots(const dist::Mesh& mesh) {
  std::set<int> roots;
  for (int group = 0; group < mesh.degree(dist::Axis::dp); ++group) roots.insert(mesh.rank_at({group}));
  return roots;
}

/// Looks, on rank 0, for what is to stop the run without a signal.
void stop_if_need_be(const ItemsParts& parts, std::uint64_t usual_part) {
  if (parts.early_ending->stop().stopped()) return;
  std::optional<std::string> why;
  const std::optional<Error> failure = dist::failure_of([&] {
    const results::RunDirectory& run = parts.authority->run();
    if (const std::optional<std::string> file = run.told_to_stop()) {
      why = *file + " is there";
    } else {
      why = results::shortage_of_room(results::free_bytes(run.path()), usual_part,
                                      parts.parallel->degree(dist::Axis::dp));
    }
  });
  if (failure) spdlog::warn("{}; it is looked at again in a second", failure->what());
  if (why) parts.sentinel->order({.kind = dist::Order::Kind::finish, .why = *why});
}

run::EarlyEnd early_end(const ItemsParts& parts, const Coordinator& coordinator) {
  run::EarlyEnd early;
  if (const auto stop = parts.early_ending->stop().stopped()) early.stopped = stop->why;
  if (coordinator.out_of_time() && early.stopped.empty()) {
    early.stopped = "no further item would be finished before the time limit";
  }
  if (coordinator.reached_max_fails()) early.max_fails = fmt::format("--max-fails {}", parts.max_fails);
  return early;
}

}  // namespace

run::EarlyEnd work_on_items(const ItemsParts& parts, const Generation& generation,
                            const configs::PipelineConfig& pipeline, const StorePlan& plan) {
  const dist::ParallelContext& parallel = *parts.parallel;
  EarlyEnding& ending = *parts.early_ending;
  std::optional<results::GroupStore> store;
  dist::agree(*parts.world, [&] {
    if (parallel.place(dist::Team::clip) != 0) return;
    store.emplace(results::RunDirectory{plan.run_directory}, plan.epoch, parallel.index(dist::Axis::dp),
                  plan.output, plan.provenance, results::SealLimits{.behind = true});
  });

  std::optional<Progress> progress;
  std::optional<Coordinator> coordinator;
  if (Authority* authority = parts.authority) {
    progress.emplace(authority->items().size(), authority->counts().done, isatty(STDERR_FILENO) == 1,
                     write_progress);
    const std::uint64_t usual_part = authority->usual_part();
    coordinator.emplace(
        Coordinator::Parts{.comm = parts.items,
                           .items = &authority->items(),
                           .pending = authority->pending(),
                           .group_roots = group_roots(parallel.mesh()),
                           .window = pipeline.text_window,
                           .together = generation.generator->clips_at_once(),
                           .max_fails = parts.max_fails,
                           .progress = &*progress,
                           .stop = &ending.stop(),
                           .every_second = [&parts, usual_part] { stop_if_need_be(parts, usual_part); },
                           .after_a_drop = [&ending] { ending.end_after_a_drop(); }});
  }
  parts.state->set("starting on the items");
  parts.state->join(parallel.index(dist::Axis::dp));
  GroupRunner runner{parallel,
                     {.coordinator = parts.items,
                      .store = store ? &*store : nullptr,
                      .texts = generation.texts,
                      .generator = generation.generator.get(),
                      .seams = parts.seams,
                      .stop = &ending.stop()},
                     pipeline,
                     plan.output};
  const ItemsPhase items_phase{ending, runner, coordinator ? &*coordinator : nullptr};
  const auto began = std::chrono::steady_clock::now();
  const std::optional<Error> failure = dist::failure_of([&] { runner.run(); });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  parts.state->wait("waiting for the other ranks to finish their items");
  run::EarlyEnd early;
  if (coordinator) {
    coordinator->finish();
    progress->finish();
    early = early_end(parts, *coordinator);
  }
  dist::agree_on(*parts.world, failure);
  const std::string traffic = traffic_text(*parts.world, parallel, seconds);
  if (!traffic.empty()) spdlog::info("between ranks: {}", traffic);
  return early;
}

}  // namespace ditmill::jobs::engine
