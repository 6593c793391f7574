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
