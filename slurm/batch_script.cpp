#include "slurm/batch_script.h"

#include <algorithm>

#include "configs/error.h"

namespace ditmill::slurm {
namespace {

/// Of the seconds between USR2 and the time limit, those in which items may still be finished: the rest is
/// for sealing them, the index, and the way back to the queue.
int grace_seconds(int lead_seconds) { return lead_seconds / 4 * 3; }

bool is_plain(std::string_view text) {
  static constexpr std::string_view safe =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_./:+@%=-";
  return !text.empty() && text.find_first_not_of(safe) == std::string_view::npos;
}

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
  return is_plain(text) ? text : "\"" + text + "\"";
}

/// In a file name pattern of sbatch's.
std::string literal(std::string_view path) {
  std::string text;
  for (const char byte : path) text += byte == '%' ? std::string{"%%"} : std::string{byte};
  return text;
}

class Script {
 public:
  explicit Script(const BatchJob& job) : job_(job), settings_(job.settings) {}

  std::string text() {
    head();
    traps();
    site();
    if (settings_.stage) stage(*settings_.stage);
    launch();
    conclude();
    return std::move(text_);
  }

 private:
  void line(const std::string& text) { text_ += text + "\n"; }
  void sbatch(const std::string& option) { line("#SBATCH " + option); }
  int ranks() const { return settings_.nodes * job_.ranks_per_node; }

  void head() {
    line("#!/bin/bash");
    sbatch("--job-name=" + sbatch_value(job_.name));
    sbatch("--nodes=" + std::to_string(settings_.nodes));
    sbatch("--ntasks-per-node=" + std::to_string(job_.ranks_per_node));
    if (settings_.cpus_per_rank) sbatch("--cpus-per-task=" + std::to_string(*settings_.cpus_per_rank));
    if (settings_.gpus_per_node > 0) sbatch("--gpus-per-node=" + std::to_string(settings_.gpus_per_node));
    if (!settings_.time.empty()) sbatch("--time=" + settings_.time);
    if (!settings_.partition.empty()) sbatch("--partition=" + settings_.partition);
    if (!settings_.account.empty()) sbatch("--account=" + settings_.account);
    if (!settings_.qos.empty()) sbatch("--qos=" + settings_.qos);
    sbatch("--output=" + sbatch_value(literal(job_.run_directory) + job_.log));
    sbatch("--open-mode=append");
    sbatch("--requeue");
    sbatch("--signal=B:USR2@" + std::to_string(settings_.lead_seconds));
    for (const std::string& option : settings_.options) sbatch(option);
    line("");
    line("# Written by ditmill " + job_.version +
         " (submit), to be read and changed: `sbatch` takes it as it is. The next");
    line("# `ditmill submit` of this run directory writes it anew.");
    line("");
    line("run=" + shell_word(job_.run_directory));
    line("restarts=" + std::to_string(settings_.max_restarts) +
         " # how often the job may go back to the queue");
    line("");
  }

  void traps() {
    text_ +=
        R"(# USR2 comes before the time limit, and from `ditmill cancel`: the run finishes what fits, and stops. After TERM
# Slurm kills within its KillWait, 30 s by default: what has not ended by itself then seals what it has.
told=
launcher=
# shellcheck disable=SC2317 # the traps call it
tell() {
  told=$1
  [[ -n $launcher ]] || return 0
  kill -s USR2 "$launcher"
  if [[ $told == TERM ]]; then (sleep 15 && kill -s TERM "$launcher") 2>/dev/null & fi
}
trap 'tell USR2' USR2
trap 'tell TERM' TERM

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
    if (stages_weights()) what += " --weights " + shell_word(job_.model);
    if (stages_weights() && !job_.catalog.empty()) what += " --catalog " + shell_word(job_.catalog);
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
    if (!staging.keep) line("  \"${on_each_node[@]}\" --remove");
    text_ += "  exit 3\nfi\n\n";
  }

  bool stages_weights() const { return settings_.stage && settings_.stage->weights && !job_.model.empty(); }

  /// A path of the program's: in the copy, if there is one.
  std::string program(const std::string& path) const {
    return (settings_.stage && settings_.stage->program ? "\"$stage\"" : "") + shell_word(path);
  }

  void launch() {
    std::string job = "job=(run " + shell_word(job_.manifest) + " --run-dir \"$run\" --grace " +
                      std::to_string(grace_seconds(settings_.lead_seconds));
    if (stages_weights()) job += " --weights-from \"$stage\"" + shell_word(job_.model);
    line(job + ")");
    const Launcher launcher = settings_.container ? Launcher::srun : settings_.launcher;
    if (launcher == Launcher::automatic) {
      line("# mpirun starts again after a lost rank; srun is for nodes without Open MPI's mpirun.");
      line("if command -v mpirun >/dev/null; then");
      line("  launch=" + mpirun());
      line("else");
      line("  launch=" + srun());
      line("fi");
    } else {
      line("launch=" + (launcher == Launcher::mpirun ? mpirun() : srun()));
    }
    line("");
  }

  std::string mpirun() const {
    return "(" + program(job_.ditmill) + " \"${job[@]}\" --np " + std::to_string(ranks()) +
           " --max-crashes " + std::to_string(settings_.max_crashes) + ")";
  }

  std::string srun() const {
    std::string words = "(srun --mpi=pmix --kill-on-bad-exit=1";
    // srun does not take it from the job's own options.
    if (settings_.cpus_per_rank) words += " --cpus-per-task=" + std::to_string(*settings_.cpus_per_rank);
    return words + in_container() + " \"${job[@]}\")";
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
    text_ += R"(# outcome.json says how a run ended, if it is this run's; exit codes of launchers do not.
outcome() { grep -o "\"$1\": *[a-z0-9]*" "$run/outcome.json" 2>/dev/null | grep -o '[a-z0-9]*$'; }
before=$(outcome epoch)
code=75
if [[ -z $told ]]; then
  echo "ditmill: job ${SLURM_JOB_ID:?is set by sbatch} on $SLURM_JOB_NODELIST: ${launch[*]}"
  "${launch[@]}" &
  launcher=$!
  # A signal ends `wait` early.
  while
    wait "$launcher"
    code=$?
    kill -s 0 "$launcher" 2>/dev/null
  do :; done
fi
crashed=
if [[ $(outcome epoch) != "$before" ]]; then
  code=$(outcome exit)
  crashed=$(outcome crashed)
fi
)";
    if (settings_.stage && !settings_.stage->keep) {
      text_ += R"([[ $told == TERM ]] || "${on_each_node[@]}" --remove
)";
    }
    text_ += R"(
# After TERM it is Slurm that decides: a preempted job comes back by itself, a cancelled one must not.
restart=${SLURM_RESTART_COUNT:-0}
if [[ $code == 75 || $crashed == true ]] && [[ $told != TERM && ! -e $run/STOP ]] && ((restart < restarts)); then
  echo "ditmill: exit $code; back to the queue, restart $((restart + 1)) of at most $restarts"
  scontrol requeue "$SLURM_JOB_ID"
fi
echo "ditmill: exit $code"
exit "$code"
)";
  }

  const BatchJob& job_;
  const Settings& settings_;
  std::string text_;
};

}  // namespace

std::string batch_script(const BatchJob& job) { return Script{job}.text(); }

std::string shell_word(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  std::string word = "'";
  for (const char byte : text) word += byte == '\'' ? std::string{"'\\''"} : std::string{byte};
  return word + "'";
}

}  // namespace ditmill::slurm
