#!/usr/bin/env bash
# changed_files.sh [PATHSPEC...]: the files that differ from the first parent of HEAD, uncommitted and new ones
# too, a line each, from the root of the tree. Without a first parent (a root commit, a shallow clone): all files.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# A clone that another user made is no reason to stop: nothing of it is executed by what git does here.
git=(git -C "$root" -c "safe.directory=$root")

if "${git[@]}" rev-parse --verify --quiet 'HEAD^1' >/dev/null; then
  tracked=("${git[@]}" diff --name-only --diff-filter=d 'HEAD^1' --)
else
  tracked=("${git[@]}" ls-files --)
fi
{
  "${tracked[@]}" "$@"
  "${git[@]}" ls-files --others --exclude-standard -- "$@"
} | sort -u | while IFS= read -r file; do
  if [[ -f $root/$file ]]; then printf '%s\n' "$file"; fi
done
