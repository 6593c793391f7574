#!/usr/bin/env bash
# Builds the fuzz targets with clang and libFuzzer, and runs them for a while.
#
#   fuzz.sh build FOLDER                   builds into FOLDER what is not up to date
#   fuzz.sh run FOLDER SECONDS TARGET...   runs targets (safetensors, pickle, pth, catalog) one after another; says how many inputs
#
# What a run learns stays in FOLDER/corpus; an input that breaks a target in FOLDER/found.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

build() {
  command -v clang++-14 >/dev/null || {
    echo "fuzz.sh: there is no clang++-14 (Debian packages clang-14 and libclang-rt-14-dev; ./setup test installs them)" >&2
    exit 1
  }
  cmake -S "$here/clang" -B "$1" -G Ninja -DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14
  cmake --build "$1"
}

run() {
  local folder=$1 seconds=$2 target=$3 log
  local -a more=()
  mkdir -p "$folder/corpus/$target" "$folder/found"
  log=$folder/$target.log
  if [[ -f $here/$target.dict ]]; then more=("-dict=$here/$target.dict"); fi
  "$folder/fuzz_$target" -max_total_time="$seconds" -rss_limit_mb=1024 -malloc_limit_mb=256 -timeout=20 -max_len=65536 \
    -len_control=20 -print_final_stats=1 -artifact_prefix="$folder/found/$target-" "${more[@]}" \
    "$folder/corpus/$target" "$here/corpus/$target" >"$log" 2>&1 || {
    tail -n 60 "$log" >&2
    echo "fuzz.sh: $target failed; the input is in $folder/found, all words in $log" >&2
    exit 1
  }
  awk -v target="$target" '
    /^stat::number_of_executed_units/ { inputs = $2 }
    /^stat::average_exec_per_sec/ { rate = $2 }
    / cov: / { for (i = 1; i < NF; ++i) if ($i == "cov:") coverage = $(i + 1) }
    END {
      printf "%s: %d inputs, %d a second, %d edges covered, none breaks a promise\n", target, inputs, rate, coverage
      exit inputs > 0 ? 0 : 1
    }' "$log"
}

case ${1:-} in
  build) build "$2" ;;
  run)
    folder=$2 seconds=$3
    shift 3
    for target in "$@"; do run "$folder" "$seconds" "$target"; done
    ;;
  *)
    sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 1
    ;;
esac
