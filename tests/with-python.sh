#!/usr/bin/env bash
# Runs a command with TEST_PYTHON naming a Python that has the packages of tests/requirements.txt.
#
#   tests/with-python.sh COMMAND [ARGUMENT…]
#
# A variable that is already set is used. Otherwise a virtual environment is made below target/, once for each version of
# the list. Needs python3-venv, and the package index the first time.
set -euo pipefail

die() { printf 'with-python: %s\n' "$*" >&2; exit 1; }

[ $# -gt 0 ] || die "usage: tests/with-python.sh COMMAND [ARGUMENT…]"
[ -z "${TEST_PYTHON:-}" ] || exec "$@"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
requirements=$root/tests/requirements.txt
folder=$root/target/python
command -v python3 >/dev/null || die "Python is missing: install it (apt-get install python3-venv), or set TEST_PYTHON"
# An environment belongs to the Python that made it and to the list that it was made for.
wanted=$(python3 -c 'import sys; print(sys.executable, sys.version)'; cat "$requirements")

mkdir -p "$folder"
exec {lock}>"$folder/lock"
flock "$lock" # another run may be making it
if [ "$wanted" != "$(cat "$folder/complete" 2>/dev/null)" ]; then
  rm -rf "$folder/complete" "$folder/venv"
  echo "with-python: installing the packages of tests/requirements.txt" >&2
  python3 -m venv "$folder/venv" >&2 || die "python3 -m venv failed: install python3-venv (apt-get install python3-venv)"
  "$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$requirements" >&2 ||
    die "the packages cannot be installed"
  printf '%s\n' "$wanted" >"$folder/complete"
fi
exec {lock}>&-

export TEST_PYTHON=$folder/venv/bin/python
exec "$@"
