#!/usr/bin/env bash
# Installs a real Bluesky server for the tests of this folder (560 MB, some minutes). It wants npm, make and a C++
# compiler; Node.js 22, which the server needs, comes from npm when the machine's own is older.
set -euo pipefail
cd "$(dirname "$0")"

npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

if [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 22 ]; then
    home=$(node -p 'require("path").dirname(require("path").dirname(process.execPath))')
else
    home=$(echo "$PWD"/node_modules/node-linux-*)
fi
# The one native package is built against the headers of the Node.js that will run it.
gyp=$(npm root --global)/npm/node_modules/node-gyp/bin/node-gyp.js
(cd node_modules/better-sqlite3 && PATH="$home/bin:$PATH" node "$gyp" rebuild --release --nodedir="$home" >/dev/null)
ln -sfn "$home/bin/node" node_modules/.node
echo "The real PDS is installed."
