#!/bin/bash
#SBATCH --job-name=staged_weights
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=1
#SBATCH --output=/runs/apptainer/logs/slurm-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR2@120

# Written by ditmill 1.0 (submit), to be read and changed: `sbatch` takes it as it is. The next
# `ditmill submit` of this run directory writes it anew.

run=/runs/apptainer
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

# slurm.stage: copies on each node's own disk, made once a node; what is there already is used again.
stage="/local/ditmill-$UID"
on_each_node=(srun --overlap --nodes="$SLURM_NNODES" --ntasks="$SLURM_NNODES" --ntasks-per-node=1
  --mpi=none --kill-on-bad-exit=0 /opt/ditmill/ditmill stage --to "$stage")
"${on_each_node[@]}" --weights /models/wan &
staging=$!
while
  [[ -z $told ]] || kill "$staging" 2>/dev/null
  wait "$staging"
  staged=$?
  kill -s 0 "$staging" 2>/dev/null
do :; done
if ((staged != 0)) && [[ -z $told ]]; then
  echo "ditmill: exit 3: not staged on every node, for what is said above" >&2
  exit 3
fi

job=(run /runs/apptainer/submit/job.yaml --run-dir "$run" --grace 90 --weights-from "$stage"/models/wan)
launch=(srun --mpi=pmix --kill-on-bad-exit=1 apptainer exec --nv --bind '/runs/apptainer:/runs/apptainer,/models/wan:/models/wan,/data/lists:/lists'",$stage:$stage" /images/ditmill.sif ditmill-engine "${job[@]}")

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
if [[ $code == 75 || $crashed == true ]] && [[ $told != TERM && ! -e $run/STOP ]] && ((restart < restarts)); then
  echo "ditmill: exit $code; back to the queue, restart $((restart + 1)) of at most $restarts"
  scontrol requeue "$SLURM_JOB_ID"
fi
echo "ditmill: exit $code"
exit "$code"
