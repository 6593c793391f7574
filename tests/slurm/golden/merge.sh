#!/bin/bash
#SBATCH --job-name=array-merge
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --time=60
#SBATCH --partition=short
#SBATCH --account=lab
#SBATCH --output=/runs/array/logs/merge-%j.log
#SBATCH --open-mode=append

# Written by ditmill 1.0 (submit), to be read and changed: `sbatch` takes it as it is. The next
# `ditmill submit` of this run directory writes it anew.

# SLURM_EXPORT_ENV, which sbatch --export leaves, would have srun and mpirun start ranks without what is set below. The
# others are its user's, for his own looks at the queue.
unset SLURM_EXPORT_ENV SLURM_TIME_FORMAT "${!SQUEUE_@}" "${!SCONTROL_@}"

module load openmpi/4.1 || exit 3

run=/runs/array
options=() # of sbatch, beside those above

# What a run directory's outcome.json says of a field: outcome FOLDER FIELD.
outcome() { grep -o "\"$2\": *[a-z0-9]*" "$1/outcome.json" 2>/dev/null | grep -o '[a-z0-9]*$'; }

# A task may have left a successor; it is waited for, too.
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
for ((i = 0; i < 4; i++)); do
  shard=$run/shards/$(printf %04d "$i")
  shards+=("$shard")
  code=$(outcome "$shard" exit)
  if [[ ($code == 0 || $code == 2) && $(outcome "$shard" left) == 0 ]]; then continue; fi
  unfinished+=" $i"
  echo "ditmill: shard $i: exit ${code:-code not known: it wrote no outcome.json}; its logs: $run/logs/slurm-*_$i.log"
done
if [[ -n $unfinished ]]; then
  echo "ditmill: not merged. To submit shard$unfinished again:"
  printf '%q ' /opt/ditmill/ditmill submit "$run/submit/job.yaml" --retry
  echo
  exit 75
fi
exec /opt/ditmill/ditmill results merge "${shards[@]}" --out "$run"
