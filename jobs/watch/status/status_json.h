#pragma once

#include <nlohmann/json_fwd.hpp>

#include "jobs/watch/status/progress_of_run.h"

namespace ditmill::jobs::watch {

/// The object of `ditmill status --json`. Fields stay; new ones may be added. null: not known, or there is
/// none.
///
///     {run, name, state: "running|waiting|stopped|crashed|finished", reason, time, epoch,
///      owner: {host, pid, slurm_job, slurm_restart, heartbeat_age_s},
///      slurm: {jobs: [{job_id, state, reason, nodes, exit_code, starts, restarts, elapsed_s, time_left_s,
///                      accounted}], note},                  null without a job, or without Slurm
///      total, done, failed, quarantined, left,             all null before requests.jsonl is written
///      rate: {items_per_hour, seconds_per_item, window_s}, eta_s,
///      groups: [{group, host, rank, ranks, hosts, heartbeat_age_s, doing, items: [ID], done, failed,
///      median_s,
///                times_median, slow, silent}],             done, failed: in this epoch
///      ranks: [{rank, host, pid, group, age_s, doing, items: [ID], waits, gone, signal, died}],
///      errors: [{time, event: "failed|quarantined|stopped", item, attempt, epoch, group, reason}],
///                                                          newest first, up to 100
///      stop_file, outcome: outcome.json if it is this epoch's,
///      journal_damage: {count, reports: [{file, offset, message}]}}
nlohmann::json to_json(const RunProgress& progress);

/// Null for an empty text: it is not known.
nlohmann::json text_or_null(const std::string& text);

}  // namespace ditmill::jobs::watch
