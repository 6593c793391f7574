#!/usr/bin/env bash
# Builds the fuzz targets with clang and libFuzzer, and runs them for a while.
#
#   fuzz.sh build FOLDER                   builds into FOLDER what is not up to date
#   fuzz.sh run FOLDER SECONDS TARGET...   runs targets (safetensors, pickle, pth, catalog, exif, picture, picture_header) one after another; says how many inputs
#   fuzz.sh count FOLDER INPUTS TARGET...  as run, until each target has had so many inputs
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

# phase FOLDER TARGET NAME OPTION...: one run of libFuzzer, whose words go to FOLDER/TARGET-NAME.log.
phase() {
  local folder=$1 target=$2 log=$1/$2-$3.log
  local -a more=()
  shift 3
  if [[ -f $here/$target.dict ]]; then more=("-dict=$here/$target.dict"); fi
  "$folder/fuzz_$target" -rss_limit_mb=1024 -malloc_limit_mb=256 -timeout=120 -len_control=20 -entropic=0 -print_final_stats=1 \
    -artifact_prefix="$folder/found/$target-" "${more[@]}" "$@" "$folder/corpus/$target" "$here/corpus/$target" >"$log" 2>&1 || {
    tail -n 60 "$log" >&2
    echo "fuzz.sh: $target failed; the input is in $folder/found, all words in $log" >&2
    exit 1
  }
}

# Short inputs for most of the time: a reader's states are in its first kilobytes, and a long input costs a hundred short
# ones. Long ones then, where leaks are looked for too. Freed memory waits in 2 MiB, so that it stays in the cache.
run() {
  local folder=$1 limit=$2 amount=$3 target=$4
  mkdir -p "$folder/corpus/$target" "$folder/found"
  ASAN_OPTIONS=malloc_context_size=0:quarantine_size_mb=2:thread_local_quarantine_size_kb=64:detect_leaks=0 \
    phase "$folder" "$target" short -max_len=2048 -detect_leaks=0 "$limit=$((amount - amount / 5))"
  ASAN_OPTIONS=malloc_context_size=4:quarantine_size_mb=16 \
    phase "$folder" "$target" long -max_len=65536 "$limit=$((amount / 5))"
  awk -v target="$target" '
    /^stat::number_of_executed_units/ { inputs += $2 }
    /^Done [0-9]+ runs in/ { seconds += $5 }
    / cov: / { for (i = 1; i < NF; ++i) if ($i == "cov:") coverage = $(i + 1) }
    END {
      printf "%s: %d inputs, %d a second, %d edges covered, none breaks a promise\n", target, inputs, inputs / (seconds > 0 ? seconds : 1), coverage
      exit inputs > 0 ? 0 : 1
    }' "$folder/$target-short.log" "$folder/$target-long.log"
}

case ${1:-} in
  build) build "$2" ;;
  run | count)
    if [[ $1 == run ]]; then limit=-max_total_time; else limit=-runs; fi
    folder=$2 amount=$3
    shift 3
    for target in "$@"; do run "$folder" "$limit" "$amount" "$target"; done
    ;;
  *)
    sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 1
    ;;
esac
