#!/usr/bin/env bash
# telnyx, Telnyx's own client for Node.js, sends an action of a SIM card again after
# an answer that says nothing of the first. It needs node and npm; without them, it
# ends with code 2.
#
# Expected: one POST of enable, after which a 502 is an error. Seen: three POSTs, with
# no key by which the carrier could tell that they are one.
set -euo pipefail
for program in node npm; do
	command -v "$program" >/dev/null || { echo "$program isn't installed"; exit 2; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts telnyx@7.24.0 >/dev/null
cat >look.js <<'JS'
const http = require('http');
const { default: Telnyx } = require('telnyx');
let posts = 0, keyed = 0;
const server = http.createServer((request, answer) => {
  if (request.method === 'POST') posts++;
  keyed += Object.keys(request.headers).some((name) => name.includes('idempotency')) ? 1 : 0;
  answer.statusCode = 502;
  answer.end('<html>502 Bad Gateway</html>');
}).listen(0, '127.0.0.1', async () => {
  const client = new Telnyx({ apiKey: 'KEY', baseURL: `http://127.0.0.1:${server.address().port}/v2` });
  await client.simCards.actions.enable('a').catch(() => {});
  console.log('expected: 1 POST');
  console.log(`seen:     ${posts} POSTs, ${keyed} with a key`);
  server.close();
  process.exitCode = posts === 3 && keyed === 0 ? 0 : 1;
});
JS
echo "telnyx $(node -p 'JSON.parse(require("fs").readFileSync("node_modules/telnyx/package.json")).version')"
node look.js || { echo "telnyx changed: look at this finding again"; exit 1; }
