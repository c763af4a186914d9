#!/bin/sh
# Puts a Chromium on this machine for the tests of the explorer, where that can be done without asking anybody:
# as root of a Debian. Elsewhere it says what to do; without a browser those tests are skipped.
set -eu
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "No Chromium here: install one, or the tests in tests/browser are skipped." >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >/dev/null; then
  echo "Chromium could not be installed: the tests in tests/browser are skipped." >&2
fi
