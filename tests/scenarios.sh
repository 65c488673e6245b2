#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Test all scenarios, several at a time, each in a lab of its own: scenarios.sh HOW_MANY_AT_A_TIME
# What each came to when it has ended, and the whole output of those that failed; all is in tests/output/scenarios.
set -eu
cd "$(dirname "$0")/.."
logs=tests/output/scenarios
rm -rf "$logs"
mkdir -p "$logs"

# What all labs start from, before they start side by side
ansible-playbook --inventory localhost, playbooks/lab_image.yml

find molecule -name molecule.yml -printf '%h\n' | sed 's|.*/||' | sort \
  | xargs -P "$1" -I{} sh tests/scenario.sh {} "$logs"

# Last what matters most: the end of a long output is what people are shown of it
failed=$(find "$logs" -name '*.failed' -printf '%f\n' | sed 's/\.failed$//' | sort)
[ -n "$failed" ] || exit 0
for name in $failed; do cat "$logs/$name.log"; done
for name in $failed; do printf '\n== %s\n' "$name"; cat "$logs/$name.failed"; done
echo
echo "Failed:" $failed
exit 1
