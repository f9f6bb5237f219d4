#!/usr/bin/env bash
# VNN-COMP: run_instance.sh v1 CATEGORY NETWORK PROPERTY RESULTS TIMEOUT. Writes sat (with a witness),
# unsat, unknown or timeout to RESULTS.
set -euo pipefail
[[ ${1:-} == v1 && $# -eq 6 ]] || { echo "usage: $0 v1 CATEGORY NETWORK PROPERTY RESULTS TIMEOUT" >&2; exit 1; }
here=$(cd "$(dirname "$0")" && pwd)
"${SIGNFLIP:-$here/.venv/bin/signflip}" verify "$3" "$4" --time-limit "$6" --result "$5"
