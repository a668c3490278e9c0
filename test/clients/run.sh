#!/bin/sh
# test/clients/run.sh -- the official clients against the gateway, with the mock
# provider behind it. Fetches them by name (package.json says which versions)
# into node_modules beside this file, once; arguments choose suites by name.
set -eu
cd "$(dirname "$0")"

fetched=node_modules/.fetched
if ! cmp -s package.json "$fetched"; then
    echo 'clients: fetching the official clients with npm (about 400 MB on disk)'
    # No lock file: versions are exact, and a lock would name somebody's registry.
    npm install --no-audit --no-fund --no-package-lock --no-update-notifier --loglevel=error
    cp package.json "$fetched"
fi
exec node main.mjs "$@"
