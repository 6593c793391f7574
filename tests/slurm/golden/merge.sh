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

run=/runs/array

module load openmpi/4.1 || exit 3

shards=()
unfinished=
for ((i = 0; i < 4; i++)); do
  shard=$run/shards/$(printf %04d "$i")
  shards+=("$shard")
  code=$(grep -o '"exit": *[0-9]*' "$shard/outcome.json" 2>/dev/null | grep -o '[0-9]*$')
  [[ $code == 0 || $code == 2 ]] && continue
  unfinished+=" $i"
  echo "ditmill: shard $i: exit ${code:-code not known: it wrote no outcome.json}; its logs: $run/logs/slurm-*_$i.log"
done
if [[ -n $unfinished ]]; then
  echo "ditmill: not merged. To submit shard$unfinished again:"
  echo "/opt/ditmill/ditmill submit $run/submit/job.yaml --retry"
  exit 75
fi
exec /opt/ditmill/ditmill results merge "${shards[@]}" --out "$run"
