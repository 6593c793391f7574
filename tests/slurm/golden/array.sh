#!/bin/bash
#SBATCH --job-name=array
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=2
#SBATCH --time=12:00:00
#SBATCH --partition=short
#SBATCH --array=0-3%2
#SBATCH --output=/runs/array/logs/slurm-%A_%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR2@120
#SBATCH --account=lab
#SBATCH --mem=1G

# Written by ditmill 1.0 (submit), to be read and changed: `sbatch` takes it as it is. The next
# `ditmill submit` of this run directory writes it anew.

array=/runs/array
run=$array/shards/$(printf %04d "${SLURM_ARRAY_TASK_ID:?is set by sbatch --array}")
restarts=3 # how often the job may go back to the queue

# USR2 comes before the time limit, and from `ditmill cancel`: the run finishes what fits, and stops. After TERM
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

module load openmpi/4.1 || exit 3

job=(run /runs/array/submit/job.yaml --run-dir "$run" --shard "$SLURM_ARRAY_TASK_ID/4" --grace 90 --max-fails 10)
((${SLURM_RESTART_COUNT:-0})) || job+=(--retry failed)
# mpirun starts again after a lost rank; srun is for nodes without Open MPI's mpirun.
if command -v mpirun >/dev/null; then
  launch=(/opt/ditmill/ditmill "${job[@]}" --np 2 --max-crashes 3)
else
  launch=(srun --mpi=pmix --kill-on-bad-exit=1 /opt/ditmill/ditmill-engine "${job[@]}")
fi

# outcome.json says how a run ended, if it is this run's; exit codes of launchers do not.
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

# After TERM it is Slurm that decides: a preempted job comes back by itself, a cancelled one must not.
restart=${SLURM_RESTART_COUNT:-0}
if [[ $code == 75 || $crashed == true ]] && [[ $told != TERM && ! -e $run/STOP && ! -e $array/STOP ]] && ((restart < restarts)); then
  echo "ditmill: exit $code; back to the queue, restart $((restart + 1)) of at most $restarts"
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
echo "ditmill: exit $code"
exit "$code"
