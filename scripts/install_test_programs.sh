#!/bin/sh
# Puts the programs of others that some tests use on this machine, where that can be done without asking anybody, as root
# of a Debian: a Chromium for the explorer, PostgreSQL and a NATS server for the follower. Elsewhere it says what is
# missing; the tests that need it are skipped.
set -eu
has() { command -v "$1" >/dev/null 2>&1; }
missing=
has chromium || has chromium-browser || has google-chrome || missing="chromium fonts-dejavu-core"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || has initdb || missing="$missing postgresql"
[ -x /usr/sbin/nats-server ] || has nats-server || missing="$missing nats-server"
if [ -z "$missing" ]; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! has apt-get; then
  echo "Not here: $missing. Install them, or the tests that need them are skipped." >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
# The tests start servers of their own: in this run level the packages start none.
export RUNLEVEL=1
# shellcheck disable=SC2086 # several packages
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >/dev/null; then
  echo "$missing could not be installed: the tests that need them are skipped." >&2
fi
