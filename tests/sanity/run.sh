#!/usr/bin/env bash
# ansible-test sanity: tests/sanity/run.sh [its arguments]
exec "$(dirname "$0")/../ansible_test.sh" sanity "$@"
