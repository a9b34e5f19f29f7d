#!/usr/bin/env bash
# twilio-go has what Twilio billed for a Super SIM's data as a float32, some seven
# digits. Of a larger amount the last ones are others, and a smaller one is another
# number once it is a float64, as Go's own functions take it.
# It needs Go, node and npm; without node or npm, it ends with code 2.
#
# Expected: 131072.01 and 0.1, as the API's answer has them and as Twilio's client for
# Node.js gives them. Seen: 131072.02, and 0.10000000149011612 as a float64.
set -euo pipefail
for program in node npm; do
	command -v "$program" >/dev/null || { echo "$program isn't installed"; exit 2; }
done
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
unset GOFLAGS
record() {
	echo '{"account_sid":"AC1","sim_sid":"HS1","data_upload":1,"data_download":2,"data_total":3,"data_total_billed":'"$1"',"billed_unit":"USD"}'
}
record 131072.01 >large.json
record 0.1 >small.json
cat >main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"os"

	supersim "github.com/twilio/twilio-go/rest/supersim/v1"
)

func main() {
	for _, file := range []string{"large.json", "small.json"} {
		text, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		var record supersim.SupersimV1UsageRecord
		if err := json.Unmarshal(text, &record); err != nil {
			panic(err)
		}
		fmt.Println(*record.DataTotalBilled, "or, as a float64,", float64(*record.DataTotalBilled))
	}
}
GO
cat >look.js <<'JS'
const twilio = require('twilio');
const { readFileSync } = require('fs');
const client = twilio('AC' + '0'.repeat(32), 'token', {
  httpClient: {
    async request() {
      const records = ['large.json', 'small.json'].map((file) => JSON.parse(readFileSync(file)));
      return { statusCode: 200, headers: {}, body: { usage_records: records, meta: { key: 'usage_records', next_page_url: null } } };
    },
  },
});
client.supersim.v1.usageRecords.list().then((records) => console.log(records.map((r) => r.dataTotalBilled).join(' and ')));
JS
go mod init finding >/dev/null 2>&1
go get github.com/twilio/twilio-go@v1.31.0 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts twilio@6.3.1 >/dev/null
go list -m github.com/twilio/twilio-go
echo "twilio $(node -p 'require("twilio/package.json").version')"
go run . >seen
node=$(node look.js)
echo "expected, as by Node.js: $node"
sed 's/^/seen:                    /' seen
[ "$node: $(tr '\n' ';' <seen)" = "131072.01 and 0.1: 131072.02 or, as a float64, 131072.015625;0.1 or, as a float64, 0.10000000149011612;" ] ||
	{ echo "twilio-go or twilio changed: look at this finding again"; exit 1; }
