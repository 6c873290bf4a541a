#!/usr/bin/env bash
# tests/parts.sh TARGET...: targets of the Makefile, two at a time: while one waits, the other computes.
# The output of each is printed when it ends; until then it is in .cache/parts. One that fails fails the whole.
set -euo pipefail
cd "$(dirname "$0")/.."
export LOGS=.cache/parts
mkdir -p "$LOGS"

# Locked, because two parts may print at the same time.
print_whole() { flock "$LOGS" cat; }

part() {
    local log=$LOGS/$1.log ended=passed
    echo "$1: started, its output is in $log" | print_whole
    make --no-print-directory "$1" >"$log" 2>&1 || ended=failed
    { cat "$log" && echo "$1: $ended after $SECONDS s"; } | print_whole
    [ $ended = passed ]
}
export -f part print_whole
printf '%s\n' "$@" | xargs -P 2 -I TARGET bash -euo pipefail -c 'part TARGET'
