#!/bin/sh
# Creates the virtual environment and installs into it: make_venv.sh PYTHON VENV WHAT
# Says what is missing and the way out instead of failing half-way. An empty PYTHON is the fastest that is found.
set -eu
python=$1 venv=$2 what=$3

if [ -z "$python" ]; then
    python=python3
    [ -x "$venv/bin/python" ] || python=$(sh "$(dirname "$0")/find_python.sh")
fi

if ! command -v "$python" >/dev/null 2>&1; then
    echo "Python is missing: '$python' was not found. Install Python 3.11 or later, or name one: make up PYTHON=python3.12" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$("$python" --version) is too old; Python 3.11 or later is needed. Name one: make up PYTHON=python3.12" >&2
    exit 1
fi
if [ ! -x "$venv/bin/python" ]; then
    echo "Creating the environment in $venv with $("$python" --version)"
    if ! "$python" -m venv "$venv"; then
        rm -rf "$venv"
        echo "The venv module is missing. On Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    fi
fi
echo "Installing $what (half a minute with an empty package cache)"
# uv installs several times as fast as pip does; where it cannot be had, pip does.
# Nodes start sooner from compiled modules. Of what developers need, most modules are never imported.
case $what in
*dev*) compile=--no-compile-bytecode ;;
*) compile=--compile-bytecode ;;
esac
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt uv &&
    "$venv/bin/uv" pip install --quiet $compile --python "$venv/bin/python" --constraint constraints.txt --editable "$what" ||
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable "$what"
