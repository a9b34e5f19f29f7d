#!/usr/bin/env bash
# telnyx, Telnyx's own client for Node.js, sends an action of a SIM card again after
# an answer that says nothing of the first, and reads a list without an end. It
# needs node and npm; without them, it ends with code 2.
#
# Expected: one POST of enable, after which a 502 is an error; an end of the list, or
# an error, where a page doesn't say how many there are. Seen: three POSTs, with no
# key by which the carrier could tell that they are one; pages without an end.
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
const most = 50; // pages after which it is clear
let posts = 0, keyed = 0, pages = 0;
const server = http.createServer((request, answer) => {
  answer.setHeader('content-type', 'application/json');
  if (request.method === 'POST') {
    posts++;
    keyed += Object.keys(request.headers).some((name) => name.includes('idempotency')) ? 1 : 0;
    answer.statusCode = 502;
    return answer.end('<html>502 Bad Gateway</html>');
  }
  pages++;
  answer.end('{"data":[{"id":"a"}],"meta":{}}');
}).listen(0, '127.0.0.1', async () => {
  const client = new Telnyx({ apiKey: 'KEY', baseURL: `http://127.0.0.1:${server.address().port}/v2` });
  await client.simCards.actions.enable('a').catch(() => {});
  for await (const card of client.simCards.list()) if (pages >= most) break;
  console.log(`expected: 1 POST; fewer than ${most} pages`);
  console.log(`seen:     ${posts} POSTs, ${keyed} with a key; ${pages >= most ? 'no end' : pages} of the pages`);
  server.close();
  process.exitCode = posts === 3 && keyed === 0 && pages >= most ? 0 : 1;
});
JS
echo "telnyx $(node -p 'JSON.parse(require("fs").readFileSync("node_modules/telnyx/package.json")).version')"
node look.js || { echo "telnyx changed: look at this finding again"; exit 1; }
