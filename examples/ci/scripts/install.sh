#!/usr/bin/env bash
# Installs cardfleet in CARDFLEET_VERSION, and what these scripts need. A Go that
# is too old for it downloads the right one by itself, also in the image golang,
# which forbids that unless asked.
set -euo pipefail

GOTOOLCHAIN=auto GOBIN=$PWD/cardfleet-bin go install "github.com/cardfleet/cardfleet@${CARDFLEET_VERSION:?}"
if [ -n "${GITHUB_PATH:-}" ]; then
	echo "$PWD/cardfleet-bin" >>"$GITHUB_PATH" # GitLab has it in PATH already
fi
for tool in curl git jq; do
	if ! command -v "$tool" >/dev/null; then
		apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates "$tool"
	fi
done
