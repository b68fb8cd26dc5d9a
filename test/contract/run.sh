#!/usr/bin/env bash
# Every contract test but node/ (that one is part of `npm test`), and the programs of examples/ and docs/.
#
# Needs a build (`npm ci && npm run build`), curl, jq and Python 3.11 or newer with venv; installs the Python clients
# itself under .venv/. Java runs where Maven is. The last line is «N passed, N failed», summed over the parts, and the
# exit code is 1 unless everything passed.
set -uo pipefail
cd "$(dirname "$0")"
repository=$(cd ../.. && pwd)
scratch=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null; fi; rm -rf "$scratch"' EXIT

passed=0
failed=0

# tally NAME PASSED FAILED: add a part to the sum.
tally() {
  echo "$1: $2 passed, $3 failed"
  passed=$((passed + $2))
  failed=$((failed + $3))
}

# venv NAME REQUIREMENTS: make .venv/NAME, or keep the one that was made from these requirements.
venv() {
  local stamp=".venv/$1/requirements.txt"
  if cmp -s "$2" "$stamp"; then return; fi
  rm -rf ".venv/$1"
  python3 -m venv ".venv/$1" && ".venv/$1/bin/pip" install -q --disable-pip-version-check -r "$2" && cp "$2" "$stamp"
}

# run_pytest NAME FOLDER [ARGUMENT…]: run the tests of FOLDER in .venv/NAME.
run_pytest() {
  local name=$1 folder=$2 python="$PWD/.venv/$1/bin/python" report="$scratch/$1.xml" good bad
  shift 2
  (cd "$folder" && "$python" -m pytest --tb=short --junit-xml="$report" "$@") || true
  read -r good bad < <(python3 - "$report" <<'PYTHON'
import sys
import xml.etree.ElementTree

try:
    suite = xml.etree.ElementTree.parse(sys.argv[1]).getroot().find("testsuite")
except FileNotFoundError:
    print(0, 1)
else:
    count = {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}
    bad = count["failures"] + count["errors"]
    # An expected failure is reported as skipped; a test that fails and whose teardown fails counts once as a test.
    good = max(count["tests"] - bad - count["skipped"], 0)
    print(good, bad if count["tests"] else 1)
PYTHON
  )
  tally "$(basename "$folder"), $name clients" "$good" "$bad"
}

# run_official: the embeddings, models, files and batches tests of openai-python's own suite, from its source distribution, against $url.
run_official() {
  local source=".venv/official/openai-python"
  if venv official official/requirements.txt; then
    [ -d "$source" ] || fetch_official "$source"
    TEST_API_BASE_URL="$url/compatible-mode/v1" PYTHONPATH="$PWD/official" \
      run_pytest official "$source" -c "$PWD/official/pytest.ini" --rootdir . \
      tests/api_resources/test_{embeddings,models,files,batches}.py
  else
    tally 'openai-python, official suite (not installed)' 0 1
  fi
}

# fetch_official FOLDER: unpack the tests of the pinned openai-python.
fetch_official() {
  local version
  version=$(sed -n 's/^openai.*==//p' official/requirements.txt)
  .venv/official/bin/pip download -q --disable-pip-version-check --no-deps --no-binary openai \
    -d "$scratch" "openai==$version" && mkdir -p "$1" &&
    tar -xzf "$scratch/openai-$version.tar.gz" -C "$1" --strip-components=1 "openai-$version/tests"
}

# run_node NAME FOLDER: the Node.js tests of FOLDER against $url.
run_node() {
  local good bad
  if install_node "$2"; then
    QUIVER_TEST_URL=$url npm test --silent --prefix "$2" >"$scratch/node.tap"
    grep -E '^(not )?ok ' "$scratch/node.tap"
    good=$(sed -n 's/^# pass //p' "$scratch/node.tap")
    bad=$(sed -n 's/^# fail //p' "$scratch/node.tap")
    if [ "${bad:-1}" -ne 0 ]; then cat "$scratch/node.tap"; fi
    tally "$1" "${good:-0}" "${bad:-1}"
  else
    tally "$1 (not installed)" 0 1
  fi
}

# install_node FOLDER: from its lock, or keep what was installed from it.
install_node() {
  local stamp=$1/node_modules/installed-lock.json
  if cmp -s "$1/package-lock.json" "$stamp"; then return; fi
  npm ci --silent --prefix "$1" && cp "$1/package-lock.json" "$stamp"
}

# run_maven FOLDER: the Java tests of FOLDER against $url.
run_maven() {
  local good bad
  QUIVER_TEST_URL=$url mvn -q -B -f "$1/pom.xml" clean test
  read -r good bad < <(python3 - "$1/target/surefire-reports" <<'PYTHON'
import pathlib
import sys
import xml.etree.ElementTree

good = bad = 0
for report in pathlib.Path(sys.argv[1]).glob("TEST-*.xml"):
    suite = xml.etree.ElementTree.parse(report).getroot()
    wrong = int(suite.get("failures")) + int(suite.get("errors"))
    bad += wrong
    good += int(suite.get("tests")) - wrong - int(suite.get("skipped"))
print(good, bad if good + bad else 1)
PYTHON
  )
  tally "$1, Maven" "$good" "$bad"
}

# start_server: one server for the parts that do not start their own; sets $url.
start_server() {
  local port
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  url="http://127.0.0.1:$port"
  QUIVER_HOST=127.0.0.1 QUIVER_PORT=$port QUIVER_HOME="$scratch/home" QUIVER_API_KEYS='' \
    node "${QUIVER_TEST_BIN:-$repository/packages/server/bin/quiver.js}" serve >"$scratch/server.log" 2>&1 &
  server=$!
  for _ in $(seq 600); do
    if curl -sf -o /dev/null "$url/readyz"; then return 0; fi
    if ! kill -0 "$server" 2>/dev/null; then break; fi
    sleep 0.1
  done
  echo 'the server did not become ready:'
  cat "$scratch/server.log"
  return 1
}

# run_example NAME COMMAND…: one program of examples/.
run_example() {
  local name=$1
  shift
  if timeout 120 "$@" >"$scratch/output" 2>&1; then
    examples_passed=$((examples_passed + 1))
    echo "ok    $name"
  else
    examples_failed=$((examples_failed + 1))
    echo "FAIL  $name"
  fi
  sed 's/^/      /' "$scratch/output"
}

# need TEST PACKAGE: make a test succeed, with Debian's package where this user may install it.
need() {
  if eval "$1" >/dev/null 2>&1; then return; fi
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    apt-get install -y -qq "$2" >/dev/null || { apt-get update -qq && apt-get install -y -qq "$2" >/dev/null; }
  fi
  if eval "$1" >/dev/null 2>&1; then return; fi
  echo "run.sh needs $2"
  echo '0 passed, 1 failed'
  exit 1
}

need 'command -v node' nodejs
need 'command -v curl' curl
need 'command -v jq' jq
need 'python3 -c "import ensurepip, venv"' python3-venv

# run_suite NAME FOLDER REQUIREMENTS: install and run.
run_suite() {
  if venv "$1" "$2/$3"; then run_pytest "$1" "$2"; else tally "$2, $1 clients (not installed)" 0 1; fi
}

run_suite current python requirements.txt
run_suite previous python requirements-previous.txt
run_suite frameworks frameworks requirements.txt
run_suite dialects dialects requirements.txt

url=${QUIVER_TEST_URL:-}
if [ -n "$url" ] || start_server; then
  BASE_URL=$url curl/quick-start.sh >"$scratch/curl"
  sed '$d' "$scratch/curl"
  read -r _ good _ bad _ < <(tail -n 1 "$scratch/curl")
  tally curl "${good:-0}" "${bad:-1}"

  run_official

  examples_passed=0
  examples_failed=0
  export DASHSCOPE_HTTP_BASE_URL="$url/api/v1" DASHSCOPE_API_KEY=sk-test
  export OPENAI_BASE_URL="$url/compatible-mode/v1" OPENAI_API_KEY=sk-test
  "$repository/node_modules/.bin/tsc" -p "$repository/examples"
  for use in search hybrid recommend cluster classify anomaly duplicates video; do
    run_example "examples/$use/$use.py" .venv/current/bin/python "$repository/examples/$use/$use.py"
    run_example "examples/$use/$use.ts" node "$repository/examples/dist/$use/$use.js"
  done
  tally examples "$examples_passed" "$examples_failed"

  # run_snippets NAME LANGUAGE…: the programs of the pages in docs/.
  run_snippets() {
    local name=$1
    shift
    QUIVER_URL=$url SNIPPET_PYTHON=$PWD/.venv/current/bin/python \
      node "$repository/scripts/dist/docs/run-snippets.js" "$@" >"$scratch/snippets"
    sed '$d' "$scratch/snippets"
    read -r good _ bad _ < <(tail -n 1 "$scratch/snippets")
    tally "programs of the docs, $name" "${good:-0}" "${bad:-1}"
  }
  "$repository/node_modules/.bin/tsc" -b "$repository/scripts"
  run_snippets 'curl and Python' sh python

  run_node 'LangChain.js' frameworks
  run_node 'ollama and cohere-ai, Node.js' dialects

  if command -v mvn >/dev/null; then
    run_maven java
    run_maven frameworks/spring
    mvn -q -B -f java/pom.xml dependency:build-classpath -Dmdep.includeScope=test -Dmdep.outputFile=target/classpath
    SNIPPET_CLASS_PATH=$(cat java/target/classpath) run_snippets Java java
  else
    echo 'java: skipped, there is no mvn'
  fi
else
  tally 'curl, official suite, examples, Node.js clients, java (no server)' 0 1
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
