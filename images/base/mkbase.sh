#!/usr/bin/env bash
# Makes the base image without a registry: mkbase.sh SUITE SOURCES EXTRA >base.tar
# SOURCES is a source list file (either style); it names the package archive, so that no host name is written here. The files
# under EXTRA (apt settings and local CA certificates this machine needs to reach the archive) are copied in.
set -euo pipefail

suite=$1 sources=$2 extra=$3

options=()
for path in man info doc locale lintian groff; do
  options+=("--dpkgopt=path-exclude=/usr/share/$path/*")
done
options+=(
  '--dpkgopt=path-include=/usr/share/doc/*/copyright'
  '--dpkgopt=path-include=/usr/share/locale/locale.alias'
  '--aptopt=Acquire::Languages "none"'
  '--aptopt=Acquire::GzipIndexes "true"'
  '--aptopt=APT::Install-Recommends "false"'
)

# usr-is-merged with the hook keeps the package "usrmerge" out, which needs all of perl (50 MB).
# shellcheck disable=SC2016 # the hooks' "$1" is mmdebstrap's
exec mmdebstrap --quiet --mode=root --variant=apt --format=tar \
  --include=ca-certificates,usr-is-merged \
  --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
  "${options[@]}" \
  --customize-hook="cp -a '$extra'/. \"\$1\"/" \
  --customize-hook='chroot "$1" update-ca-certificates >/dev/null 2>&1 || true' \
  --customize-hook='printf "%s\n" "DPkg::Post-Invoke { \"rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true\"; };" "Dir::Cache::pkgcache \"\";" "Dir::Cache::srcpkgcache \"\";" >"$1"/etc/apt/apt.conf.d/docker-clean' \
  --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/var/log/*.log "$1"/var/log/apt "$1"/etc/hostname "$1"/etc/resolv.conf' \
  "$suite" - "$sources"
