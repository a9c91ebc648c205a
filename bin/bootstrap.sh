#!/bin/sh
# Installs the npm packages, the pinned Node among them, when they are not there or package-lock.json is newer. Runs
# before anything that needs Node 24, so it is plain shell.
set -eu
cd "$(dirname "$0")/.."
if [ ! -x node_modules/.bin/node ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  # not `npm ci`: it refuses a lock file without the optional packages of every other platform, which a registry that
  # mirrors some of them cannot give
  echo "installing npm packages" >&2
  # no script of a package runs but that of the one which fetches Node ("allowScripts" of package.json)
  npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  npm rebuild --loglevel=error node >&2
  touch node_modules/.package-lock.json
fi
