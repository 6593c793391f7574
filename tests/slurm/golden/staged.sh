#!/bin/bash
#SBATCH --job-name=staged
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=2
#SBATCH --output=/runs/staged/logs/slurm-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR2@120

# Written by ditmill 1.0 (submit), to be read and changed: `sbatch` takes it as it is. The next
# `ditmill submit` of this run directory writes it anew.

# SLURM_EXPORT_ENV, which sbatch --export leaves, would have srun and mpirun start ranks without what is set below. The
# others are its user's, for his own looks at the queue.
unset SLURM_EXPORT_ENV SLURM_TIME_FORMAT "${!SQUEUE_@}" "${!SCONTROL_@}"

run=/runs/staged
restarts=3 # how often the job may go back to the queue
crashes=3 # after so many a lost rank is not started anew in the same allocation
options=() # of sbatch, beside those above
again='/opt/ditmill/ditmill submit /runs/staged/submit/job.yaml' # what goes on with a run that has been ended
first=() # of run, at the job's first start alone

# One task of an array has the id of the whole for its own.
me=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
me=${me:-${SLURM_JOB_ID:?is set by sbatch}}

# USR2 comes before the time limit, USR1 from `ditmill cancel`: the run finishes what fits, and stops. After TERM
# Slurm kills within its KillWait: what has not ended by itself in the first half of it then seals what it has.
# What counts in the end is the cancel, else TERM.
told=
launcher=
reminder=
kill_wait=
pass_on() {
  local pause
  # Said again: on a launcher that has not started all ranks yet it may be lost.
  (for pause in 1 2 4 8 16 32 64; do kill -s USR2 "$launcher" 2>/dev/null && sleep "$pause"; done) &
  reminder=$!
  if [[ $1 == TERM ]]; then (sleep $((${kill_wait:-30} / 2)) && kill -s TERM "$launcher") 2>/dev/null & fi
}
# shellcheck disable=SC2317 # the traps call it
tell() {
  case $told/$1 in
    USR1/* | TERM/USR2) ;;
    *) told=$1 ;;
  esac
  [[ -z $launcher ]] || pass_on "$1"
  case $1 in
    USR1) echo "ditmill: cancelled: the run finishes what fits, and ends" ;;
    USR2) echo "ditmill: warned by Slurm: the run finishes what fits, and stops" ;;
    TERM) echo "ditmill: ended by Slurm: $(meaning)" ;;
  esac
}
trap 'tell USR1' USR1
trap 'tell USR2' USR2
trap 'tell TERM' TERM
kill_wait=$(scontrol show config | sed -n 's/^KillWait *= *\([0-9]*\).*/\1/p')

# When the time limit ends the job, in seconds since 1970 by this node's clock; nothing without a limit.
end_time() {
  local start last by_clock by_length
  read -r start last < <(SLURM_TIME_FORMAT=%s squeue --noheader --job="$me" --format='%S %e')
  [[ $start$last =~ ^[0-9]+$ ]] || return
  by_clock=$last
  by_length=$(($(date +%s) - SECONDS + last - start)) # the controller's clock may be another
  echo $((by_clock < by_length ? by_clock : by_length))
}
end=
out_of_time() { [[ -n $end ]] && (($(date +%s) >= end - 5)); }

# Whether Slurm itself has put the job back into the queue.
comes_back() {
  local restarted
  restarted=$(scontrol show job "$me" | sed -n 's/^ *Requeue=.* Restarts=\([0-9]*\) .*/\1/p')
  ((${restarted:-0} > ${SLURM_RESTART_COUNT:-0}))
}

preempted() { scontrol show job "$me" | grep -q ' PreemptTime=[0-9]'; }

# What Slurm means by TERM.
# shellcheck disable=SC2317
meaning() {
  if comes_back; then
    echo "it has put the job back into the queue (preempted, requeued, or a node was lost)"
  elif out_of_time; then
    echo "the time limit is reached"
  elif preempted; then
    echo "preempted, and not to come back: to go on with it: $again"
  else
    echo "cancelled: to go on with it: $again"
  fi
}

# slurm.stage: copies on each node's own disk, made once a node; what is there already is used again.
[[ -n ${TMPDIR-} ]] || { echo "ditmill: slurm.stage: \$TMPDIR is not set on $HOSTNAME" >&2; exit 3; }
stage="${TMPDIR}/x/ditmill-$UID"
on_each_node=(srun --overlap --nodes="$SLURM_NNODES" --ntasks="$SLURM_NNODES" --ntasks-per-node=1
  --mpi=none --kill-on-bad-exit=0 /opt/ditmill/ditmill stage --to "$stage")
"${on_each_node[@]}" --program --manifest /runs/staged/submit/job.yaml &
staging=$!
while
  [[ -z $told ]] || kill "$staging" 2>/dev/null
  wait "$staging"
  staged=$?
  kill -s 0 "$staging" 2>/dev/null
do :; done
if ((staged != 0)) && [[ -z $told ]]; then
  echo "ditmill: exit 3: not staged on every node, for what is said above" >&2
  timeout 20 "${on_each_node[@]}" --remove
  exit 3
fi

job=(run /runs/staged/submit/job.yaml --run-dir "$run" --staged "$stage" --grace 90)
# mpirun, where the nodes have Open MPI's; else srun, where Slurm speaks PMIx.
if mpirun --version 2>/dev/null | grep -q 'Open MPI'; then
  launch=("$stage"/opt/ditmill/ditmill "${job[@]}" --np 4)
elif srun --mpi=list 2>&1 | grep -q pmix; then
  launch=(srun --mpi=pmix --kill-on-bad-exit=1 "$stage"/opt/ditmill/ditmill-engine "${job[@]}")
else
  echo "ditmill: no Open MPI's mpirun on the PATH, and Slurm lists no pmix (srun --mpi=list): load a module by slurm.modules"
  exit 3
fi

# What a run directory's outcome.json says of a field: outcome FOLDER FIELD.
outcome() { grep -o "\"$2\": *[a-z0-9]*" "$1/outcome.json" 2>/dev/null | grep -o '[a-z0-9]*$'; }

# outcome.json says how a run ended; exit codes of launchers do not. A start that has left none died too suddenly.
reason() { sed -n 's/.*"reason": *"\([^"]*\)".*/\1/p' "$run/outcome.json" 2>/dev/null; }
starts() {
  local all=("$run"/epochs/*.json)
  if [[ -e ${all[0]} ]]; then echo "${#all[@]}"; else echo 0; fi
}
stopped() { [[ -e $run/STOP || -e ${array:-$run}/STOP ]]; }

# The job's nodes that do not answer, with commas: Slurm itself may take minutes to find that out.
lost_nodes() {
  local node step=(timeout 60 srun --overlap --ntasks-per-node=1 --input=none)
  ((SLURM_JOB_NUM_NODES > 1)) || return
  "${step[@]}" --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" true &>/dev/null && return
  for node in $(scontrol show hostnames "$SLURM_JOB_NODELIST"); do
    { "${step[@]}" --nodes=1 --ntasks=1 --nodelist="$node" true &>/dev/null || echo "$node"; } &
  done | sort | paste -sd, -
}

# Back into the queue; where that is not allowed, a successor takes over.
go_back() {
  local script next leave_out=
  script=$(squeue --noheader --job="$me" --format=%o)
  [[ -f $script ]] || script=$0
  if [[ -n $lost ]]; then
    leave_out=$(scontrol show job "$me" | sed -n 's/.* ExcNodeList=\([^ ]*\).*/\1/p')
    if [[ $leave_out == '(null)' ]]; then leave_out=; fi
    leave_out=${leave_out:+$leave_out,}$lost
    sbatch --test-only "${options[@]}" --exclude="$leave_out" "$script" &>/dev/null || leave_out=
    echo "ditmill: $lost: no answer${leave_out:+; left out from now on}"
  fi
  echo "ditmill: exit $code; back to the queue${counts:+, restart $((++restart)) of at most $restarts}"
  echo "$me $restart" >>"$run/logs/restarts"
  trap '' TERM # that of the requeue
  if scontrol requeue "$me"; then
    [[ -z $leave_out ]] || scontrol update "JobId=$me" "ExcNodeList=$leave_out"
    return
  fi
  if comes_back || [[ $told == USR1 ]] || stopped; then return; fi
  # A count of this job's would be taken for the next one's.
  next=$(env -u SLURM_RESTART_COUNT sbatch --parsable --dependency="afternotok:$me" --kill-on-invalid-dep=yes \
    "${options[@]}" ${SLURM_ARRAY_TASK_ID:+--array="$SLURM_ARRAY_TASK_ID"} ${leave_out:+--exclude="$leave_out"} \
    "$script") || return
  next=${next%%;*}
  echo "$next${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID} $restart" >>"$run/logs/restarts"
  if [[ -z $SLURM_ARRAY_TASK_ID ]]; then
    flock --wait=10 "$run/submit/lock" \
      sed -i -e "s/\"job_id\": \"$me\"/\"job_id\": \"$next\"/" -e "s/slurm-$me\.log/slurm-$next.log/" "$run/submit/job.json"
  fi
  echo "ditmill: Slurm does not requeue this job: job $next goes on with it"
}

# What Slurm itself does with the job (preemption, a node that it lost) does not count.
restart=$(sed -n "s/^$me //p" "$run/logs/restarts" 2>/dev/null | tail -n 1)
restart=${restart:-0}
if ((${SLURM_RESTART_COUNT:-0} + restart)); then first=(); fi
for ((crash = 0; ; crash++)); do
  before=$(starts)
  crashed=
  lost=
  code=75
  [[ -z $told ]] || break
  end=$(end_time)
  echo "ditmill: job $me on $SLURM_JOB_NODELIST: ${launch[*]} ${first[*]}"
  env ${end:+SLURM_JOB_END_TIME="$end"} "${launch[@]}" "${first[@]}" &
  launcher=$!
  [[ -z $told ]] || pass_on "$told"
  first=()
  # A signal ends `wait` early.
  while
    wait "$launcher"
    code=$?
    kill -s 0 "$launcher" 2>/dev/null
  do :; done
  launcher=
  if [[ -n $reminder ]]; then kill "$reminder" 2>/dev/null; fi
  if (($(starts) > before)); then
    # To rank 0 a rank that died elsewhere may look like a signal: launchers end the others by TERM.
    if [[ $(outcome "$run" exit) == 75 && -z $told && ($code != 75 || $(reason) == *SIGTERM*) ]]; then crashed=true; fi
    code=$(outcome "$run" exit)
    crashed=${crashed:-$(outcome "$run" crashed)}
    if [[ -z $code && -z $told ]]; then code=3 crashed=true; fi
  elif [[ -n $told ]]; then
    code=
  fi
  code=${code:-75} # told to end before it had begun
  if [[ $crashed != true || -n $told ]] || stopped; then break; fi
  lost=$(lost_nodes)
  if [[ -n $lost ]] || ((crash >= crashes)); then break; fi
  echo "ditmill: crash $((crash + 1)) of at most $crashes; started again: $(reason)"
done

[[ $told == TERM || -n $lost ]] || timeout 20 "${on_each_node[@]}" --remove

# After TERM it is Slurm that decides, unless it only meant the time limit.
may_return=true
if [[ $told == USR1 ]] || stopped; then may_return=; fi
if [[ $told == TERM ]] && { ! out_of_time || comes_back; }; then may_return=; fi
if [[ ($code == 75 || $crashed == true) && -n $may_return ]]; then
  counts=true
  if preempted; then counts=; fi
  if [[ -z $counts ]] || ((restart < restarts)); then go_back; fi
fi
echo "ditmill: exit $code"
exit "$code"
