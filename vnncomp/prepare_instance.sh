#!/usr/bin/env bash
# VNN-COMP: prepare_instance.sh v1 CATEGORY NETWORK PROPERTY. 0 if Signflip can say the network.
set -euo pipefail
[[ ${1:-} == v1 && $# -eq 4 ]] || { echo "usage: $0 v1 CATEGORY NETWORK PROPERTY" >&2; exit 1; }
here=$(cd "$(dirname "$0")" && pwd)
"${SIGNFLIP:-$here/.venv/bin/signflip}" networks "$3" >/dev/null
