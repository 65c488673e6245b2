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
molecule test --scenario-name "$2" >"$1/$2.log" 2>&1 </dev/null || { result=FAILED; touch "$1/$2.failed"; }
printf '%-20s %s, %d s\n' "$2" "$result" $(($(date +%s) - started))
EOF
find molecule -name molecule.yml -printf '%h\n' | sed 's|.*/||' | sort | xargs -P "$1" -I{} sh "$logs/one" "$logs" {}

for failed in "$logs"/*.failed; do
  [ -e "$failed" ] || exit 0
  cat "${failed%.failed}.log"
done
exit 1
