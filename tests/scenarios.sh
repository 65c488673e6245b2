#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Test all scenarios, several at a time, each in a lab of its own: scenarios.sh HOW_MANY_AT_A_TIME
# A line for each that has ended, and the whole output of those that failed; all output is in tests/output/scenarios.
set -eu
cd "$(dirname "$0")/.."
logs=tests/output/scenarios
rm -rf "$logs"
mkdir -p "$logs"

# What all labs start from, before they start side by side
ansible-playbook --inventory localhost, playbooks/lab_image.yml

cat >"$logs/one" <<'EOF'
started=$(date +%s) result=passed
COLUMNS=160 molecule test --scenario-name "$2" >"$1/$2.log" 2>&1 </dev/null || { result=FAILED; touch "$1/$2.failed"; }
printf '%-20s %s, %d s\n' "$2" "$result" $(($(date +%s) - started))
EOF
find molecule -name molecule.yml -printf '%h\n' | sed 's|.*/||' | sort | xargs -P "$1" -I{} sh "$logs/one" "$logs" {}

# Last what matters most: the end of a long output is what people are shown of it
why() {
  printf '\n== %s\n' "$1"
  sed -E 's/\x1b\[[0-9;]*m//g; s/^ *│ //' "$logs/$1.log" \
    | grep -E '^(E   |FAILED|ERROR |fatal: |failed: |.*\.py:[0-9]+: )|^\[?ERROR\]?:' | cut -c1-240 | tail -n 15
}

failed=$(find "$logs" -name '*.failed' -printf '%f\n' | sed 's/\.failed$//' | sort)
[ -n "$failed" ] || exit 0
for name in $failed; do cat "$logs/$name.log"; done
for name in $failed; do why "$name"; done
echo
echo "Failed:" $failed
exit 1
