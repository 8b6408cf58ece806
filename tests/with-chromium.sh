#!/usr/bin/env bash
# Runs a command with TEST_CHROMIUM naming a Chromium.
#
#   tests/with-chromium.sh COMMAND [ARGUMENT…]
#
# A variable that is already set is used. Otherwise it is the system's Chromium or Chrome, or the package is installed.
set -euo pipefail

die() { printf 'with-chromium: %s\n' "$*" >&2; exit 1; }

[ $# -gt 0 ] || die "usage: tests/with-chromium.sh COMMAND [ARGUMENT…]"
[ -z "${TEST_CHROMIUM:-}" ] || exec "$@"

# Ubuntu has a program chromium-browser that only says which package to install.
find_chromium() {
  local program
  for program in chromium chromium-browser google-chrome; do
    program=$(command -v "$program") || continue
    [[ $("$program" --version 2>/dev/null) =~ ^(Chromium|Google\ Chrome)\  ]] || continue
    printf '%s\n' "$program"
    return 0
  done
  return 1
}

install_chromium() {
  local missing="Chromium is missing: install it (apt-get install chromium), or set TEST_CHROMIUM"
  local as_root=()
  command -v apt-get >/dev/null || die "$missing"
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || die "$missing"
    as_root=(sudo -n)
  fi
  echo "with-chromium: installing Chromium" >&2
  "${as_root[@]}" apt-get update -qq >&2 || die "$missing (apt-get update failed)"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium \
    </dev/null >/dev/null || die "$missing (apt-get install failed)"
}

TEST_CHROMIUM=$(find_chromium) || { install_chromium; TEST_CHROMIUM=$(find_chromium) || die "Chromium was installed but is not found"; }
export TEST_CHROMIUM
exec "$@"
