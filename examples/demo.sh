#!/bin/sh
# The whole path, against the embedded API: validate, plan, apply, and a plan that finds nothing left.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
mkfifo "$work/settings"
reconciler sandbox --port 0 --db "$work/account.sqlite" --seed examples/account.json \
  > "$work/settings" &
trap 'kill $! 2>/dev/null; wait $! 2>/dev/null || true; rm -rf "$work"' EXIT
eval "$(head -n 3 "$work/settings")"

say() { printf '\n$ %s\n' "$*"; "$@"; }

printf 'The embedded API listens at %s; examples/account.json is what people set by hand.\n' \
  "$RECONCILER_API_URL"
say reconciler validate examples/numbers.yaml
say reconciler plan examples/numbers.yaml
say reconciler apply examples/numbers.yaml --auto-approve
say reconciler plan examples/numbers.yaml --detailed-exitcode
