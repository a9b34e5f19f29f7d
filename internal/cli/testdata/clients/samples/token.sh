#!/bin/sh
# Shingsou's token with curl, as the document has it, its header included, or
# without that: token.sh URL [HEADER]
set -eu
url=$1
shift
if [ $# -gt 0 ]; then
	set -- -H "$1"
fi
curl -sS -X POST "$url" -H 'cache-control: no-cache' "$@" \
	-F grant_type=client_credentials -F client_Id=testid -F client_secret=testsecret -F 'scope=iot.cardservice.all iot.paymentservice.all'
