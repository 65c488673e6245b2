#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the image from Debian packages, from wherever this machine itself gets its packages.
# Usage: mmdebstrap.sh IMAGE RELEASE PACKAGE,PACKAGE...
set -eu
image=$1 release=$2 packages=$3
customise=$(dirname "$0")/customise.sh
sources=$(find /etc/apt -maxdepth 2 -path '/etc/apt/sources.list*' -name '*.list' -o -name '*.sources')
archive=$(mktemp --suffix=.tar)
trap 'rm "$archive"' EXIT

# shellcheck disable=SC2086 # one word per source file
mmdebstrap --variant=minbase --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --customize-hook="chroot \"\$1\" sh -s < '$customise'" \
    "$release" "$archive" $sources
podman import "$archive" "$image"
