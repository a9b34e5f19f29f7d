#!/usr/bin/env bash
# s3rver, which many take for a stand-in of S3, passes over the conditions of
# PutObject. It needs node, npm and a curl that signs (7.75 or newer); without
# them, it ends with code 2.
#
# Expected: 412 for If-None-Match: * where the object is there, and for an If-Match
# that names another one, or 501 of a store that knows no conditions. Seen: 200,
# and the object is another one.
set -euo pipefail
for program in node npm curl; do
	command -v "$program" >/dev/null || { echo "$program isn't installed"; exit 2; }
done
work=$(mktemp -d)
server=
end() {
	[ -z "$server" ] || kill "$server"
	rm -rf "$work"
}
trap end EXIT
cd "$work"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts s3rver@3.7.1 >/dev/null
mkdir data
node node_modules/.bin/s3rver -d data -a 127.0.0.1 -p 0 --configure-bucket states >said 2>&1 &
server=$!
until grep -q 'listening on' said; do sleep 0.1; done
url=http://$(sed -n 's/.*listening on //p' said | tr -d '[:space:]')/states/lock
unsigned='x-amz-content-sha256: UNSIGNED-PAYLOAD'
put() { curl -sS -o /dev/null -w '%{http_code}' --aws-sigv4 aws:amz:us-east-1:s3 --user S3RVER:S3RVER -H "$unsigned" -X PUT -d "$1" "${@:2}" "$url"; }
get() { curl -sS --aws-sigv4 aws:amz:us-east-1:s3 --user S3RVER:S3RVER -H "$unsigned" "$url"; }
echo "s3rver $(node -p 'require("s3rver/package.json").version')"
first=$(put first -H 'If-None-Match: *')
second=$(put second -H 'If-None-Match: *')
stale=$(put third -H 'If-Match: "00000000000000000000000000000000"')
echo "expected: 200 for the first lock, 412 for the second, 412 for one in the place of another; the lock is: first"
echo "seen:     $first, $second, $stale; the lock is: $(get)"
[ "$first $second $stale $(get)" = "200 200 200 third" ] || { echo "s3rver changed: look at this finding again"; exit 1; }
