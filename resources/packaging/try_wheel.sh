#!/usr/bin/env bash
# Try a wheel as users install it: try_wheel.sh WHEEL PHOTOS [pip|pipx|uv ...]
# Each way (all three if none is named) installs into a new environment in a temporary folder, without
# the repository, asks for the version, tags the folder PHOTOS, asks the trainer for its help, and has
# the window open for SECONDS_OPEN (20) on no screen.
# PYTHON names another Python than python3, WORK another place for the environments, which take about
# 6 GB each and are removed.  pip and uv take their indexes from their own configuration.
# Exit code 0 only if all of that went well, and all ways wrote the same tags.
set -euo pipefail
wheel=$(realpath "$1") photos=$(realpath "$2")
shift 2
ways=("$@")
[ ${#ways[@]} -gt 0 ] || ways=(pip pipx uv)
python=$(command -v "${PYTHON:-python3}")
work=$(mktemp -d "${WORK:-${TMPDIR:-/tmp}}/try-wheel-XXXXXX")
trap 'rm -rf "$work"' EXIT
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV
export PIPX_HOME=$work/pipx PIPX_BIN_DIR=$work/pipx/bin PIPX_MAN_DIR=$work/pipx/man
export UV_TOOL_DIR=$work/uv UV_TOOL_BIN_DIR=$work/uv/bin
cd "$work"

install_with() {
  case $1 in
  pip)
    "$python" -m venv "$work/pip"
    "$work/pip/bin/python" -m pip install --quiet "$wheel"
    ;;
  pipx) pipx install --quiet --python "$python" "$wheel" ;;
  uv) uv tool install --quiet --python "$python" "$wheel" ;;
  *) echo "Unknown way: $1" >&2 && exit 2 ;;
  esac
}

for way in "${ways[@]}"; do
  begun=$SECONDS
  install_with "$way"
  echo "$way: installed in $((SECONDS - begun)) s, $(du -sm "$work/$way" | cut -f1) MB"
  bin=$work/$way/bin
  export LMPT_DESKTOP_HOME=$work/home-$way
  for program in lmpt-desktop lmpt-trainer lmpt-desktop-gui; do
    [ -x "$bin/$program" ] || { echo "$way: $program is missing" >&2 && exit 1; }
  done
  echo "$way: $("$bin/lmpt-desktop" --version)"
  "$bin/lmpt-trainer" --help >/dev/null
  "$bin/lmpt-desktop" tag "$photos" -o "$work/tags-$way.csv"
  [ "$(wc -l <"$work/tags-$way.csv")" -gt 5 ]
  cmp "$work/tags-${ways[0]}.csv" "$work/tags-$way.csv"
  echo "$way: tagged, $(wc -l <"$work/tags-$way.csv") rows"
  # A window that is still there after some seconds has started; timeout then ends it.
  code=0
  QT_QPA_PLATFORM=offscreen timeout -k 10 "${SECONDS_OPEN:-20}" \
    "$bin/lmpt-desktop-gui" --library "$work/library-$way" || code=$?
  case $code in
  0 | 124 | 137) echo "$way: window started" ;;
  *) echo "$way: the window ended with $code" >&2 && exit 1 ;;
  esac
  rm -rf "${work:?}/$way"
done
