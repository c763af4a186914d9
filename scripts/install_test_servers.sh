#!/bin/sh
# Puts PostgreSQL and a NATS server on this machine for the tests of the follower, where that can be done without asking
# anybody: as root of a Debian. Elsewhere it says what to do; without a server its tests are skipped.
set -eu
missing=
if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && ! command -v initdb >/dev/null 2>&1; then missing="postgresql"; fi
if ! [ -x /usr/sbin/nats-server ] && ! command -v nats-server >/dev/null 2>&1; then missing="$missing nats-server"; fi
if [ -z "$missing" ]; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
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
