#!/usr/bin/env bash
# Builds the image and puts it in the place of the running container: ./deploy.sh [port]
#
# Run it as often as you like. The data stays in the volume gemini-pool-data. Settings come from .env if there is one (the engine takes
# the values as they stand: no quotes around them). If the new container does not get healthy, the one before is put back.
# ENGINE=podman uses podman instead of docker.
set -euo pipefail
cd "$(dirname "$0")"

port=${1:-8080}
engine=${ENGINE:-docker}
name=gemini-pool
volume=gemini-pool-data
stop_seconds=40
health_seconds=60

fail() {
  echo "deploy.sh: $*" >&2
  exit 1
}

exists() {
  "$engine" container inspect "$1" >/dev/null 2>&1
}

is_ready() {
  "$engine" exec "$name" node -e \
    "fetch('http://127.0.0.1:8080/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))" \
    >/dev/null 2>&1
}

wait_until_ready() {
  for ((second = 0; second < health_seconds; second++)); do
    is_ready && return 0
    sleep 1
  done
  return 1
}

start_new() {
  local settings=()
  [ -f .env ] && settings=(--env-file .env)
  # Inside the container address and folder are fixed, whatever .env says for a run without one.
  "$engine" run --detach --name "$name" --restart unless-stopped \
    --publish "$port:8080" --volume "$volume:/data" \
    ${settings[@]+"${settings[@]}"} --env LISTEN_ADDR=0.0.0.0:8080 --env DATA_DIR=/data \
    --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
    "$name:latest" >/dev/null
}

put_back() {
  echo "The new container does not get ready. Its last words:" >&2
  "$engine" logs --tail 30 "$name" >&2 || true
  "$engine" rm --force "$name" >/dev/null 2>&1 || true
  exists "$name-previous" || fail "nothing was running before, so nothing runs now"
  "$engine" rename "$name-previous" "$name"
  "$engine" start "$name" >/dev/null
  "$engine" image inspect "$name:previous" >/dev/null 2>&1 && "$engine" tag "$name:previous" "$name:latest"
  fail "the container from before is back"
}

[[ $port =~ ^[0-9]+$ ]] && ((port >= 1 && port <= 65535)) || fail "'$port' is no port. Usage: ./deploy.sh [port]"
command -v "$engine" >/dev/null || fail "$engine is not installed"

# A run that was broken off left the proven container aside and perhaps an unproven one in its place.
if exists "$name-previous"; then
  "$engine" rm --force "$name" >/dev/null 2>&1 || true
  "$engine" rename "$name-previous" "$name"
  "$engine" start "$name" >/dev/null
fi

"$engine" image inspect "$name:latest" >/dev/null 2>&1 && "$engine" tag "$name:latest" "$name:previous"
"$engine" build --tag "$name:latest" .

if exists "$name"; then
  # Two gateways must not share one data folder: the old one ends first, with time for its open requests.
  "$engine" stop -t "$stop_seconds" "$name" >/dev/null
  "$engine" rename "$name" "$name-previous"
fi
start_new || put_back
wait_until_ready || put_back
if exists "$name-previous"; then "$engine" rm "$name-previous" >/dev/null; fi

"$engine" logs "$name"
echo "gemini-pool answers on http://localhost:$port (data in the volume $volume)"
