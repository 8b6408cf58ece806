#!/usr/bin/env bash
# Builds the service of an earlier commit: tests/upgrade/build-before.sh COMMIT TARGET_FOLDER
#
# The first time takes as long as building everything. A shallow clone has no history: fetch it before.
set -euo pipefail

[ $# -eq 2 ] || { sed -n '2s/^# //p' "$0" >&2; exit 2; }
commit=$1
mkdir -p "$2"
target=$(realpath "$2")
source=$target/source
git cat-file -e "$commit^{commit}" 2>/dev/null || { echo "build-before: there is no commit $commit: git fetch --unshallow" >&2; exit 1; }
rm -rf "$source" && mkdir "$source"
git archive "$commit" | tar -x -C "$source"
cd "$source"
CARGO_TARGET_DIR=$target cargo build --locked --workspace --bin allynet
