#!/usr/bin/env bash
# Runs a command with the programs that the tests of docs/deploy need: proxies, container tools, systemd in a container.
#
#   tests/with-deploy-tools.sh COMMAND [ARGUMENT…]
#
# What is missing is installed from the system's packages and from crates.io.
set -euo pipefail

die() { printf 'with-deploy-tools: %s\n' "$*" >&2; exit 1; }

[ $# -gt 0 ] || die "usage: tests/with-deploy-tools.sh COMMAND [ARGUMENT…]"

export PATH=$PATH:/usr/sbin:$HOME/.cargo/bin
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
[ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null || die "containers need root, or sudo without a password"

# program:package
needed=(
  systemd-nspawn:systemd-container mmdebstrap:mmdebstrap curl:curl strip:binutils openssl:openssl
  nginx:nginx-light caddy:caddy haproxy:haproxy
  buildah:buildah umoci:umoci runc:runc
  promtool:prometheus
)
missing=()
for each in "${needed[@]}"; do
  command -v "${each%%:*}" >/dev/null || missing+=("${each##*:}")
done

# The packages of the proxies would otherwise start permanent servers.
policy=/usr/sbin/policy-rc.d
install_packages() {
  local status=0 own=
  command -v apt-get >/dev/null || die "install $*"
  echo "with-deploy-tools: installing $*" >&2
  "${as_root[@]}" apt-get update -qq >&2 || die "apt-get update failed"
  if [ ! -e "$policy" ]; then
    own=1
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
  fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >/dev/null || status=$?
  [ -z "$own" ] || "${as_root[@]}" rm -f "$policy"
  [ "$status" -eq 0 ] || die "apt-get install $* failed"
}
[ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"

if ! command -v cargo-deb >/dev/null; then
  echo "with-deploy-tools: installing cargo-deb" >&2
  cargo install --quiet --locked --debug cargo-deb@3.8.0
fi

# A base system of the release of this machine, which runs binaries that were built here; without what no program reads.
cache=$(cd "$(dirname "$0")/.." && pwd)/target/deploy
mkdir -p "$cache"
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
export TEST_BASE_SYSTEM=$cache/base-$codename.tar
if [ ! -e "$TEST_BASE_SYSTEM" ]; then
  echo "with-deploy-tools: making a base system" >&2
  "${as_root[@]}" mmdebstrap --quiet --variant=minbase --include=systemd,systemd-sysv,ca-certificates,tzdata \
    --aptopt='Acquire::Languages "none"' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' "$codename" "$cache/new-$$.tar" || die "mmdebstrap failed"
  mv "$cache/new-$$.tar" "$TEST_BASE_SYSTEM"
fi

# A certificate for localhost, which Node.js trusts. It has to do so from its start.
tls=$cache/tls
mkdir -p "$tls"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 7 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
  -keyout "$tls/key.pem" -out "$tls/certificate.pem" 2>/dev/null
export TEST_TLS=$tls NODE_EXTRA_CA_CERTS=$tls/certificate.pem

exec "$@"
