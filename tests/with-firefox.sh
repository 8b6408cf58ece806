#!/usr/bin/env bash
# Runs a command with TEST_FIREFOX naming a Firefox.
#
#   tests/with-firefox.sh COMMAND [ARGUMENT…]
#
# A variable that is already set is used. Otherwise it is the system's Firefox, which is installed if it is missing.
set -euo pipefail

die() { printf 'with-firefox: %s\n' "$*" >&2; exit 1; }

[ $# -gt 0 ] || die "usage: tests/with-firefox.sh COMMAND [ARGUMENT…]"
[ -z "${TEST_FIREFOX:-}" ] || exec "$@"

# Ubuntu has a program firefox that only says which package to install.
find_firefox() {
  local program
  for program in firefox-esr firefox; do
    program=$(command -v "$program") || continue
    [[ $("$program" --version 2>/dev/null) == 'Mozilla Firefox '* ]] || continue
    printf '%s\n' "$program"
    return 0
  done
  return 1
}

install_firefox() {
  local missing="Firefox is missing: install it (apt-get install firefox-esr), or set TEST_FIREFOX"
  local as_root=()
  command -v apt-get >/dev/null || die "$missing"
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || die "$missing"
    as_root=(sudo -n)
  fi
  echo "with-firefox: installing Firefox" >&2
  "${as_root[@]}" apt-get update -qq >&2 || die "$missing (apt-get update failed)"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends firefox-esr \
    </dev/null >/dev/null || die "$missing (apt-get install failed)"
}

TEST_FIREFOX=$(find_firefox) || { install_firefox; TEST_FIREFOX=$(find_firefox) || die "Firefox was installed but is not found"; }
export TEST_FIREFOX
exec "$@"
