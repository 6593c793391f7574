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

