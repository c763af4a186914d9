#!/bin/sh
# Names the Python to use where nobody has named one: python3 on the path, or the system's if that is a good deal faster.
# Builds of the same version differ by a third, because some were made without a profile of what Python does most, and
# nodes spend most of their time in Python (docs/performance.md). Both run the same loop: find_python.sh [SYSTEM]
set -eu
path=python3 system=${1:-/usr/bin/python3}

installed_in() {
    "$1" -c 'import sys; print(sys.base_prefix)' 2>/dev/null || true
}

# Prints what the loop takes; nothing for a Python that is too old, or that cannot make an environment.
microseconds() {
    "$1" -c '
import ensurepip, sys, time, venv
class Pair:
    def __init__(self, first, second):
        self.first, self.second = first, second
    def total(self):
        return self.first + self.second
def took():
    started = time.process_time_ns()
    for number in range(1_000):
        known = {(number, str(number)): [Pair(number, 2).total() for _ in range(2)]}
    return (time.process_time_ns() - started) // 1000
if sys.version_info >= (3, 11):
    print(min(took() for _ in range(200)))
' 2>/dev/null || true
}

if [ "$(installed_in "$path")" != "$(installed_in "$system")" ]; then
    on_path=$(microseconds "$path")
    of_system=$(microseconds "$system")
    if [ -z "$on_path" ] && [ -n "$of_system" ]; then
        path=$system
    elif [ -n "$of_system" ] && [ $((of_system * 10)) -lt $((on_path * 9)) ]; then
        # Whoever has put a Python on the path may have chosen it, so this is told.
        echo "$system runs a loop in $of_system us that takes $path on the path $on_path; PYTHON=$path takes that all the same" >&2
        path=$system
    fi
fi
echo "$path"
