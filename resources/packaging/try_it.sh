#!/usr/bin/env bash
# Try an installed bundle: try_it.sh LMPT_DESKTOP LMPT_TRAINER [FOLDER [JOB]]
# Tags photos (its own samples without FOLDER), retrains on JOB if there is one, and opens the window
# for a few seconds. Exit code 0 only if all of that went well.
set -euo pipefail
desktop=$1 trainer=$2 photos=${3:-} job=${4:-}
work=$(mktemp -d)
export LMPT_DESKTOP_HOME=$work/home
"$desktop" --version
"$trainer" --help >/dev/null
if [ -n "$photos" ]; then
  "$desktop" tag "$photos" -o "$work/tags.csv"
else
  "$desktop" tag --samples -o "$work/tags.csv"
fi
[ "$(wc -l <"$work/tags.csv")" -gt 5 ]
echo "tagged: $(wc -l <"$work/tags.csv") rows"
if [ -n "$job" ]; then
  cp -r "$job" "$work/job"
  "$trainer" fit "$work/job"
fi
# A window that is still there after some seconds has started; timeout then ends it (124).
start=("$desktop" --library "$work/library")
[ "$(uname)" = Linux ] && command -v xvfb-run >/dev/null && start=(xvfb-run -a "${start[@]}")
code=0
timeout --preserve-status -k 10 "${SECONDS_OPEN:-20}" "${start[@]}" || code=$?
case $code in
0 | 124 | 143 | 137) echo "window: started" ;;
*) echo "window: ended with $code" >&2 && exit 1 ;;
esac
