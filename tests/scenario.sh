#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Test one scenario in a lab of its own: scenario.sh NAME LOGS
# A line when it has ended, and why it failed; LOGS/NAME.log has all output, LOGS/NAME.failed is there if it failed.
set -eu
name=$1 log=$2/$1.log failed=$2/$1.failed
at_most=1800 # seconds; on a machine with two cores the longest takes a third of that

lines() {
  sed -E 's/\x1b\[[0-9;]*m//g; s/^ *│ //' "$log" | cut -c1-240
}

why() {
  lines | grep -E '^(E   |FAILED|ERROR |fatal: |failed: |.*\.py:[0-9]+: )|^\[?ERROR\]?:' | tail -n 15 | grep . || lines | tail -n 5
}

started=$(date +%s)
if COLUMNS=160 timeout --kill-after=60 $at_most molecule test --scenario-name "$name" >"$log" 2>&1 </dev/null; then
  printf '%-20s passed, %d s\n' "$name" $(($(date +%s) - started))
  exit
fi
took=$(($(date +%s) - started))
why >"$failed"
[ $took -lt $at_most ] || echo "It had not ended after $at_most seconds." >>"$failed"
printf '%-20s FAILED, %d s\n' "$name" $took
sed 's/^/    /' "$failed"
# What was cut off has not removed its lab
timeout 300 molecule destroy --scenario-name "$name" >/dev/null 2>&1 </dev/null || :
