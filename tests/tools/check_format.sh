#!/usr/bin/env bash
# Fails if a C++ file that changed (changed_files.sh) is not as clang-format 14 writes it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
mapfile -t files < <(tests/tools/changed_files.sh '*.h' '*.cpp' '*.cu' '*.cuh')
echo "${#files[@]} changed C++ files"
if ((${#files[@]} == 0)); then exit 0; fi
if ! clang-format-14 --dry-run -Werror "${files[@]}"; then
  echo "to repair: clang-format-14 -i FILE" >&2
  exit 1
fi
