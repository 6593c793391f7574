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

