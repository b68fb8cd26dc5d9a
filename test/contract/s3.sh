#!/usr/bin/env bash
# The blob store of S3, and jobs whose requests to it fail, against a real server that checks signatures: versitygw. VERSITYGW names its program; without it, it
# is built with Go under .venv/, which takes minutes the first time. Needs `npm ci`.
set -euo pipefail
cd "$(dirname "$0")"
repository=$(cd ../.. && pwd)
scratch=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null; fi; rm -rf "$scratch"' EXIT

VERSION=v1.8.0
program=${VERSITYGW:-.venv/go/bin/versitygw}
if [ ! -x "$program" ]; then
  GOBIN="$PWD/.venv/go/bin" go install "github.com/versity/versitygw/cmd/versitygw@$VERSION"
fi

server_program=$(realpath "$program")

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export QUIVER_TEST_S3_ENDPOINT="http://127.0.0.1:$port"
mkdir "$scratch/buckets"
ROOT_ACCESS_KEY=quiver-test ROOT_SECRET_KEY=quiver-test-secret \
  "$program" --port "127.0.0.1:$port" posix "$scratch/buckets" >"$scratch/server.log" 2>&1 &
server=$!
for _ in $(seq 100); do
  if curl -s -o /dev/null "$QUIVER_TEST_S3_ENDPOINT"; then break; fi
  sleep 0.1
done
cd "$repository"
QUIVER_TEST_S3_SERVER=$server_program npx vitest run packages/server/src/stores/s3 test/chaos/s3.test.ts
