#!/bin/sh
# conf/dev-run.sh -- what `make run` starts: the gateway, and when no provider
# key is set (environment or .env) the mock provider over TLS beside it, so
# that everything works offline. Ctrl-C ends both; twice, at once.
set -eu

cd "$(dirname "$0")/.."
state=${SLUICE_STATE:-${XDG_STATE_HOME:-$HOME/.local/state}/sluice}
mkdir -p "$state"
chmod 700 "$state"

port=${SLUICE_MOCK_PORT:-8443}
gateway=
mock=

# shellcheck disable=SC2317 # called by the trap
end() {
    [ -z "$gateway" ] || kill -TERM "$gateway" 2>/dev/null || :
}
trap end INT TERM

key_is_set() {
    [ -n "${ANTHROPIC_API_KEY:-}${OPENAI_API_KEY:-}${OPENROUTER_API_KEY:-}" ] && return 0
    [ -f .env ] && grep -Eq '^(export +)?(ANTHROPIC|OPENAI|OPENROUTER)_API_KEY=.' .env
}

# make_key FILE BEGINNING: as a start without a file makes its keys, once.
make_key() {
    [ -s "$state/$1" ] || (
        umask 077
        printf '%s%s\n' "$2" "$(od -An -tx1 -N20 /dev/urandom | tr -d ' \n')" >"$state/$1"
    )
}

if ! key_is_set; then
    mkdir -p "$state/mock"
    ./sluice-mock --tls-dir "$state/mock" --listen "127.0.0.1:$port" --plain "127.0.0.1:$((port + 1))" \
        >"$state/mock/log" 2>&1 &
    mock=$!
    tries=0
    until grep -q '^ready ' "$state/mock/log" 2>/dev/null; do
        tries=$((tries + 1))
        if [ $tries -gt 50 ] || ! kill -0 "$mock" 2>/dev/null; then
            cat "$state/mock/log" >&2
            echo 'dev-run: the mock provider did not start' >&2
            exit 1
        fi
        sleep 0.1
    done
    make_key dev.key sk-slc-dev-
    admin=
    if [ -z "${SLUICE_ADMIN_KEY:-}" ]; then
        make_key admin.key sluice-admin-
        admin="admin: {key: \"file:$state/admin.key\"}"
    fi
    cat >"$state/mock.yaml" <<YAML
# Written by conf/dev-run.sh at every start.
$admin
list_models: true
providers:
  - name: mock-anthropic
    protocol: anthropic
    base_url: "https://localhost:$port"
    keys: ["mock"]
    tls: {ca_file: "$state/mock/ca.pem"}
  - name: mock-openai
    protocol: openai
    base_url: "https://localhost:$port/v1"
    keys: ["mock"]
    tls: {ca_file: "$state/mock/ca.pem"}
models:
  - name: "*"
    targets: # what the mock does is free, but a dashboard without a cost shows less
      - {provider: mock-anthropic, price: {input: 3.00, output: 15.00}}
      - {provider: mock-openai, price: {input: 2.50, output: 10.00}}
tenants:
  - name: dev
    keys: [{name: dev, key: "file:$state/dev.key"}]
YAML
    set -- -c "$state/mock.yaml" "$@"
fi

./sluice serve "$@" &
gateway=$!
code=0
wait "$gateway" || code=$?
while kill -0 "$gateway" 2>/dev/null; do # a signal ended the wait, not the gateway
    code=0
    wait "$gateway" || code=$?
done
[ -z "$mock" ] || kill -TERM "$mock" 2>/dev/null || :
exit $code
