#!/usr/bin/env bash
# Fails if shellcheck has something to say about a shell script of the tree.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts=(setup .ci/run)
while IFS= read -r file; do scripts+=("$file"); done < <(find tests .cmake jobs -name '*.sh' -type f | sort)
echo "${#scripts[@]} scripts"
shellcheck "${scripts[@]}"
