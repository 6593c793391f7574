#include "slurm/batch_script.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ranges>

#include "configs/embedded.h"
#include "configs/error.h"
#include "configs/shell_word.h"
#include "slurm/sbatch.h"
#include "slurm/time_limit.h"

namespace ditmill::slurm {
namespace {

/// Of the seconds between USR2 and the time limit, those in which items may still be finished: the rest is
/// for sealing them, the index, and the way back to the queue.
int grace_seconds(int lead_seconds) { return lead_seconds / 4 * 3; }

/// Links, journals and an index: a minute for a hundred thousand items.
constexpr int merge_seconds = 3600;

/// A value of a #SBATCH line, which knows quotes but nothing else of bash.
std::string sbatch_value(const std::string& text) {
  const bool holdable = std::ranges::none_of(
      text, [](char byte) { return static_cast<unsigned char>(byte) < 0x20 || byte == '"' || byte == '\\'; });
  if (!holdable) {
    throw Error{Category::usage,
                "write a batch script",
                Where{.file = text},
                Expected{"a path without quotes, backslashes and control characters"},
                {},
                "give the run another directory: --run-dir DIR"};
  }
  return is_plain_word(text) ? text : "\"" + text + "\"";
}

/// In a file name pattern of sbatch's.
std::string literal(std::string_view path) {
  std::string text;
  for (const char byte : path) text += byte == '%' ? std::string{"%%"} : std::string{byte};
  return text;
}

/// What is the same in all scripts: slurm/script/NAME.sh.
std::string_view part(std::string_view name) {
  for (const EmbeddedText& each : embedded::script_parts()) {
    if (each.stem == name) return each.text;
  }
  throw Error{Category::internal, "find a part of the batch script", Where{.file = std::string(name)}};
}

class Script {
 public:
  explicit Script(const BatchJob& job) : job_(job), settings_(job.settings) {}

  std::string text() {
    head();
    text_ += part("environment");
    site();
    facts();
    text_ += part("signals");
    if (settings_.stage) stage(*settings_.stage);
    launch();
    conclude();
    return std::move(text_);
  }

  std::string merge_text() {
    merge_head();
    text_ += part("environment");
    site();
    merge();
    return std::move(text_);
  }

 private:
  void line(const std::string& text) { text_ += text + "\n"; }
  void sbatch(const std::string& option) { line("#SBATCH " + option); }
  bool is_array() const { return job_.shards > 0; }
  int ranks() const { return settings_.nodes * job_.ranks_per_node; }

  void head() {
    line("#!/bin/bash");
    sbatch("--job-name=" + sbatch_value(job_.name));
    sbatch("--nodes=" + std::to_string(settings_.nodes));
    sbatch("--ntasks-per-node=" + std::to_string(job_.ranks_per_node));
    if (settings_.cpus_per_rank) sbatch("--cpus-per-task=" + std::to_string(*settings_.cpus_per_rank));
    if (settings_.gpus_per_node > 0) sbatch("--gpus-per-node=" + std::to_string(settings_.gpus_per_node));
    if (!settings_.time.empty()) sbatch("--time=" + settings_.time);
    whose();
    if (is_array()) sbatch("--array=" + array_tasks(job_));
    sbatch("--output=" + sbatch_value(literal(job_.run_directory) + job_.log));
    sbatch("--open-mode=append");
    sbatch("--requeue");
    sbatch("--signal=B:USR2@" + std::to_string(settings_.lead_seconds));
    for (const std::string& option : settings_.options) sbatch(option);
    line("");
    origin();
  }

  void facts() {
    if (is_array()) {
      line("array=" + shell_word(job_.run_directory));
      line("run=$array/shards/$(printf %04d \"${SLURM_ARRAY_TASK_ID:?is set by sbatch --array}\")");
      line("mkdir -p \"$run/logs\"");
    } else {
      line("run=" + shell_word(job_.run_directory));
    }
    line("restarts=" + std::to_string(settings_.max_restarts) +
         " # how often the job may go back to the queue");
    line("crashes=" + std::to_string(settings_.max_crashes) +
         " # after so many a lost rank is not started anew in the same allocation");
    line("options=(" + words(job_.sbatch_options) + ") # of sbatch, beside those above");
    line("again=" +
         shell_word(shell_word(job_.ditmill) + " submit " + shell_word(job_.manifest) +
                    (is_array() ? " --retry" : "")) +
         " # what goes on with a run that has been ended");
    line("first=(" + words(job_.first_options) + ") # of run, at the job's first start alone");
    line("");
  }

  void whose() {
    if (!settings_.partition.empty()) sbatch("--partition=" + settings_.partition);
    if (!settings_.account.empty()) sbatch("--account=" + settings_.account);
    if (!settings_.qos.empty()) sbatch("--qos=" + settings_.qos);
  }

  void origin() {
    line("# Written by ditmill " + job_.version +
         " (submit), to be read and changed: `sbatch` takes it as it is. The next");
    line("# `ditmill submit` of this run directory writes it anew.");
    line("");
  }

  void merge_head() {
    line("#!/bin/bash");
    sbatch("--job-name=" + sbatch_value(job_.name + "-merge"));
    sbatch("--nodes=1");
    sbatch("--ntasks=1");
    if (const auto limit = limit_seconds(settings_.time)) {
      sbatch("--time=" + (*limit < merge_seconds ? settings_.time : std::to_string(merge_seconds / 60)));
    }
    whose();
    for (const std::string& option : options_of_whose(settings_.options)) sbatch(option);
    sbatch("--output=" + sbatch_value(literal(job_.run_directory) + "/logs/merge-%j.log"));
    sbatch("--open-mode=append");
    line("");
    origin();
  }

  void merge() {
    line("run=" + shell_word(job_.run_directory));
    line("options=(" + words(options_of_whose(job_.sbatch_options)) + ") # of sbatch, beside those above");
    line("");
    text_ += part("outcome");
    text_ += R"(# A task may have left a successor; it is waited for, too.
alive=
while read -r id state script; do
  if [[ $script != "$run/submit/job.sh" || $state == COMPLETING || :$alive: == *:$id:* ]]; then continue; fi
  alive+=${alive:+:}$id
done < <(squeue --me --noheader --format='%F %T %o')
if [[ -n $alive ]]; then
  echo "ditmill: to be merged after $alive"
  sbatch --dependency="afterany:$alive" "${options[@]}" "$run/submit/merge.sh"
  exit
fi

shards=()
unfinished=
)";
    text_ += "for ((i = 0; i < " + std::to_string(job_.shards) + R"(; i++)); do
  shard=$run/shards/$(printf %04d "$i")
  shards+=("$shard")
  code=$(outcome "$shard" exit)
  if [[ ($code == 0 || $code == 2) && $(outcome "$shard" left) == 0 ]]; then continue; fi
  unfinished+=" $i"
  echo "ditmill: shard $i: exit ${code:-code not known: it wrote no outcome.json}; its logs: $run/logs/slurm-*_$i.log"
done
if [[ -n $unfinished ]]; then
  echo "ditmill: not merged. To submit shard$unfinished again:"
  printf '%q ' )" +
             shell_word(job_.ditmill) +
             R"( submit "$run/submit/job.yaml" --retry
  echo
  exit 75
fi
exec )" + shell_word(job_.ditmill) +
             R"( results merge "${shards[@]}" --out "$run"
)";
  }

  void site() {
    if (!settings_.modules.empty()) {
      std::string words;
      for (const std::string& name : settings_.modules) words += " " + shell_word(name);
      line("module load" + words + " || exit 3");
      line("");
    }
    if (!settings_.prologue.empty()) {
      line("# slurm.prologue");
      text_ += settings_.prologue;
      if (!settings_.prologue.ends_with('\n')) line("");
      line("set +eu # below, a command that fails is looked at");
      line("");
    }
  }

  void stage(const Staging& staging) {
    line(
        "# slurm.stage: copies on each node's own disk, made once a node; what is there already is used "
        "again.");
    for (const std::string& name : staging.variables) {
      std::string check = "[[ -n ${";
      check.append(name).append("-} ]] || { echo \"ditmill: slurm.stage: \\$").append(name);
      line(check + " is not set on $HOSTNAME\" >&2; exit 3; }");
    }
    line("stage=\"" + staging.to + "/ditmill-$UID\"");
    line(
        "on_each_node=(srun --overlap --nodes=\"$SLURM_NNODES\" --ntasks=\"$SLURM_NNODES\" "
        "--ntasks-per-node=1");
    line("  --mpi=none --kill-on-bad-exit=0 " + shell_word(job_.ditmill) + " stage --to \"$stage\")");
    std::string what;
    if (staging.program) what += " --program";
    if (stages_weights()) what += " --manifest " + shell_word(job_.manifest);
    line("\"${on_each_node[@]}\"" + what + " &");
    text_ += R"(staging=$!
while
  [[ -z $told ]] || kill "$staging" 2>/dev/null
  wait "$staging"
  staged=$?
  kill -s 0 "$staging" 2>/dev/null
do :; done
if ((staged != 0)) && [[ -z $told ]]; then
  echo "ditmill: exit 3: not staged on every node, for what is said above" >&2
)";
    if (!staging.keep) line("  timeout 20 \"${on_each_node[@]}\" --remove");
    text_ += "  exit 3\nfi\n\n";
  }

  bool stages_weights() const { return settings_.stage && settings_.stage->weights && job_.has_weights; }

  /// A path of the program's: in the copy, if there is one.
  std::string program(const std::string& path) const {
    return (settings_.stage && settings_.stage->program ? "\"$stage\"" : "") + shell_word(path);
  }

  void launch() {
    line("job=(run " + shell_word(job_.manifest) + " --run-dir \"$run\"" +
         (is_array() ? " --shard \"$SLURM_ARRAY_TASK_ID/" + std::to_string(job_.shards) + "\"" : "") +
         (stages_weights() ? " --staged \"$stage\"" : "") + " --grace " +
         std::to_string(grace_seconds(settings_.lead_seconds)) + (job_.options.empty() ? "" : " ") +
         words(job_.options) + ")");
    const Launcher launcher = settings_.container ? Launcher::srun : settings_.launcher;
    if (launcher == Launcher::automatic) {
      line("# mpirun, where the nodes have Open MPI's; else srun, where Slurm speaks PMIx.");
      line("if mpirun --version 2>/dev/null | grep -q 'Open MPI'; then");
      line("  launch=" + mpirun());
      line("elif srun --mpi=list 2>&1 | grep -q pmix; then");
      line("  launch=" + srun());
      line("else");
      line(
          "  echo \"ditmill: no Open MPI's mpirun on the PATH, and Slurm lists no pmix (srun --mpi=list): "
          "load a module by slurm.modules\"");
      line("  exit 3");
      line("fi");
    } else {
      line("launch=" + (launcher == Launcher::mpirun ? mpirun() : srun()));
    }
    line("");
  }

  std::string mpirun() const {
    return "(" + program(job_.ditmill) + " \"${job[@]}\" --np " + std::to_string(ranks()) + ")";
  }

  std::string srun() const {
    std::string words = "(srun --mpi=pmix --kill-on-bad-exit=1";
    // srun does not take it from the job's own options.
    if (settings_.cpus_per_rank) words += " --cpus-per-task=" + std::to_string(*settings_.cpus_per_rank);
    return words + in_container() + " \"${job[@]}\")";
  }

  static std::string words(const std::vector<std::string>& options) {
    return fmt::format("{}", fmt::join(options | std::views::transform(shell_word), " "));
  }

  std::string in_container() const {
    if (!settings_.container) return " " + program(job_.engine);
    std::string mounts = job_.run_directory + ":" + job_.run_directory;
    for (const std::string& folder : job_.mounts)
      mounts.append(",").append(folder).append(":").append(folder);
    for (const std::string& mount : settings_.container->mounts) {
      mounts += "," + mount + (mount.find(':') == std::string::npos ? ":" + mount : "");
    }
    const std::string image = shell_word(settings_.container->image);
    const std::string staged = stages_weights() ? "\",$stage:$stage\"" : "";
    if (settings_.container->runtime == ContainerRuntime::pyxis) {
      return " --container-image=" + image + " --container-mounts=" + shell_word(mounts) + staged +
             " ditmill-engine";
    }
    return std::string{" apptainer exec"} + (settings_.gpus_per_node > 0 ? " --nv" : "") + " --bind " +
           shell_word(mounts) + staged + " " + image + " ditmill-engine";
  }

  void conclude() {
    text_ += part("outcome");
    text_ += part("life");
    if (settings_.stage && !settings_.stage->keep) {
      line("[[ $told == TERM || -n $lost ]] || timeout 20 \"${on_each_node[@]}\" --remove");
      line("");
    }
    text_ += part("end");
  }

  const BatchJob& job_;
  const Settings& settings_;
  std::string text_;
};

}  // namespace

std::string batch_script(const BatchJob& job) { return Script{job}.text(); }
std::string merge_script(const BatchJob& job) { return Script{job}.merge_text(); }

std::string array_tasks(const BatchJob& job, const std::vector<int>& some) {
  std::string tasks = fmt::format("{}", fmt::join(some, ","));
  if (some.empty()) tasks = "0-" + std::to_string(job.shards - 1);
  return tasks + (job.shards_at_once > 0 ? "%" + std::to_string(job.shards_at_once) : "");
}

}  // namespace ditmill::slurm
