#!/usr/bin/env bash
# tests/parts.sh TARGET...: targets of the Makefile, two at a time, since none of them keeps two processors busy alone.
# The output of each is printed when it ends; until then it is in .cache/parts.
set -euo pipefail
cd "$(dirname "$0")/.."
export LOGS=.cache/parts
mkdir -p "$LOGS"

part() {
    local log=$LOGS/$1.log ended=passed
    echo "$1: started, its output is in $log"
    make --no-print-directory "$1" >"$log" 2>&1 || ended=failed
    # Locked, because both may end at the same time.
    { cat "$log" && echo "$1: $ended after $SECONDS s"; } | flock "$LOGS" cat
    [ $ended = passed ]
}
export -f part
printf '%s\n' "$@" | xargs -P 2 -I TARGET bash -euo pipefail -c 'part TARGET'
