#!/usr/bin/env bash
# VNN-COMP: install_tool.sh v1. Installs Signflip into a virtual environment beside this script.
set -euo pipefail
[[ ${1:-} == v1 ]] || { echo "expected version v1, got '${1:-}'" >&2; exit 1; }
here=$(cd "$(dirname "$0")" && pwd)
python3 -m venv "$here/.venv"
"$here/.venv/bin/python" -m pip install --quiet "$here/..[onnx]"
