package plan_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// full is a plan in which every field that a file has is set.
func full() *plan.Plan {
	two := 2
	drift := plan.Drift{Attribute: "imei", From: string(deviceA), To: string(deviceB), Since: now.Add(-time.Hour), Cause: "another tool", Keep: `imei = "861536030196019"`, Where: "bikes.csv row 2"}
	memory := state.Card{
		Provider: aliyun, ICCID: kiosk, Address: "card.kiosk", Binding: state.BoundTo(deviceA), PreventUnbind: true, Changed: now.Add(-time.Minute),
		Last:   state.Last{At: now, Status: "正常", Lifecycle: spec.Active, Reason: "none", Has: spec.AttrBinding | spec.AttrPackages, IMEI: deviceA, Packages: []spec.Package{{ID: "10002", Name: "100 MB", Effective: now, Expires: now.Add(time.Hour)}}},
		Recent: []state.Change{{Change: spec.Change{Kind: spec.Resume}, At: now}},
		Doubts: []state.Doubt{{Change: spec.Change{Kind: spec.Subscribe, To: "10003"}, Key: "0c1f", Since: now, RequestID: "8906", Reason: "no answer", Tried: true}},
	}
	const key = "0123456789abcdef0123456789abcdef"
	return &plan.Plan{
		Version: "1.2.3", Timestamp: now, Config: "sha256:00", Lineage: "3b0d8f0e", Serial: 7, Total: 9, Unchanged: 5, Unread: 1,
		Cards: []plan.Card{
			{
				Address: "card.kiosk", Provider: aliyun, ICCID: kiosk, Labels: map[string]string{"city": "Hangzhou"}, File: "bikes.csv",
				Before: plan.Values{Binding: state.BoundTo(deviceA), Active: spec.Off, Packages: []string{}, Status: "停机", Lifecycle: spec.SuspendedByOwner},
				After:  plan.Values{Binding: state.BoundTo(deviceB), Active: spec.On, Packages: []string{"10002"}},
				Actions: []plan.Action{
					{ID: "a1", Change: spec.Change{Kind: spec.Resume}, Key: key},
					{ID: "a2", Change: spec.Change{Kind: spec.Subscribe, To: "10002"}, Needs: []string{"a1"}, Key: key},
					{ID: "a3", Change: spec.Change{Kind: spec.ChangeBind, From: string(deviceA), To: string(deviceB)}, Needs: []string{"a2", "a4"}, Key: key},
					{ID: "a3p", Change: spec.Change{Kind: spec.Unsubscribe, From: "10009"}, Key: key},
				},
				Attention: []plan.Note{{Summary: "Outcome in doubt", Detail: "Nobody knows."}},
				Drift:     []plan.Drift{drift}, Notes: []string{"a note"}, Memory: memory,
			},
			{
				Address: "card.scale", Provider: "xuyu.east", ICCID: scale, Leaving: true, Since: now,
				Actions: []plan.Action{{
					ID: "a4", Change: spec.Change{Kind: spec.Unbind, From: string(deviceB)}, Key: key, Guarded: true, Approved: true, Required: 2,
					Approvals: []plan.Approved{{By: "rma", Reason: "returned", Until: now}, {By: "-approve-unbind"}}, Denial: "1 of 2 approvals",
				}},
			},
		},
		Numbers:    []plan.Number{{Address: "privacy_number.a", Provider: aliyun, PoolKey: "FC1", SubsID: "1", Expected: "170", Number: "171", Status: 2, Attention: []plan.Note{{Summary: "Privacy number differs", Detail: "d"}}}},
		Totals:     []plan.Total{{Provider: aliyun, Cards: 9, Managed: 8, Left: 1}},
		Incomplete: []plan.Incomplete{{Provider: "cmiot", Reason: "time-out", Cards: 1}},
		Windows: []plan.Timing{
			{Window: "night", Zone: "Asia/Shanghai", Opens: now.Add(time.Hour), Closes: now.Add(5 * time.Hour), Kinds: []plan.TimedKind{{Kind: spec.ChangeBind, Planned: 1}}},
			{Window: "day", Zone: "UTC", Open: true, Opens: now.Add(-time.Hour), Closes: now.Add(time.Hour), Kinds: []plan.TimedKind{{Kind: spec.Resume, Planned: 1}}},
		},
		Limits:    []plan.Exceeded{{Kind: spec.Stop, Provider: aliyun, Planned: 3, Allowed: "1", Default: true, File: "bikes.csv", FileCount: 3, Accepted: &two}},
		Costs:     []plan.Cost{{Provider: aliyun, Calls: 9, PerSecond: 0.5, PerDay: 5, PerMonth: 6}},
		Reads:     []plan.Reads{{Provider: aliyun, Cards: 9, Read: 8, Calls: 10, ListCalls: 1, ListCards: 7, Remembered: 1, Oldest: now, Newest: now, Left: 1, PerSecond: 0.5}},
		Variables: []plan.Variable{{Name: "pin", Digest: "pbkdf2-sha256:00"}, {Name: "region", Value: `"cn-hangzhou"`}},
		Partial:   "-target=card.*", Skipped: 4, RefreshOnly: true, Policy: plan.Policy{RequiredApprovals: 2, ApprovalMaxAge: time.Hour, SignersOnly: true},
	}
}

// The file is what a program of another version reads. A difference here is
// another format, and takes another version.
func TestASavedPlanIsWrittenAsItAlwaysWas(t *testing.T) {
	var b bytes.Buffer
	_, err := plan.Write(&b, full())
	require.NoError(t, err)
	text := unzip(t, b.Bytes())
	if *update {
		require.NoError(t, os.WriteFile("testdata/plan.v2.jsonl", []byte(text), 0o600))
	}
	want, err := os.ReadFile("testdata/plan.v2.jsonl")
	require.NoError(t, err)
	assert.Equal(t, string(want), text)

	got, _, err := plan.Read(bytes.NewReader(zip(t, string(want))))
	require.NoError(t, err)
	assert.Equal(t, full(), got, "every field is read again")
}

func TestAPlanWithAValueThatIsNoneIsRefusedByItsLine(t *testing.T) {
	text, err := os.ReadFile("testdata/plan.v2.jsonl")
	require.NoError(t, err)
	for name, row := range map[string]struct {
		old, new string // in the file
		want     []string
	}{
		"an unknown field of the header":                 {`"serial":7`, `"serial":7,"sereal":7`, []string{"line 1", `unknown field "sereal"`}},
		"an unknown field of an action":                  {`"id":"a1"`, `"id":"a1","ID2":"a1"`, []string{"line 2", `unknown field "ID2"`}},
		"Go's name of a field":                           {`"subs_id":"1"`, `"subs_id":"1","SubsID":"1"`, []string{"line 4", `unknown field "SubsID"`}},
		"an ICCID":                                       {`"iccid":"` + string(scale) + `","actions"`, `"iccid":"8986x","actions"`, []string{"line 3", "no proper ICCID"}},
		"an ICCID in lower case":                         {`"iccid":"` + string(scale) + `","actions"`, `"iccid":"8986112345678901234a","actions"`, []string{"line 3", "is written in another way"}},
		"another card's memory":                          {`"memory":{"provider":"aliyun","iccid":"` + string(kiosk), `"memory":{"provider":"aliyun","iccid":"` + string(scale), []string{"line 2", "memory of card"}},
		"an IMEI of an action":                           {`"from":"861536030196001","to":"861536030196019","needs"`, `"from":"861536030196001","to":"86153603019601X","needs"`, []string{"line 2", "action a3", "an IMEI holds digits only"}},
		"an IMEI before":                                 {`"before":{"binding":{"known":true,"imei":"861536030196001"}`, `"before":{"binding":{"known":true,"imei":"1"}`, []string{"line 2", "an IMEI has 14, 15 or 16"}},
		"a change from none of a card that had a device": {`"from":"861536030196001","to":"861536030196019","needs"`, `"to":"861536030196019","needs"`, []string{"line 2", "from of change-bind", "it is blank"}},
		"an unbind of no device":                         {`"kind":"unbind","from":"861536030196019"`, `"kind":"unbind"`, []string{"line 3", "from of unbind", "it is blank"}},
		"a kind":                                         {`"kind":"unbind"`, `"kind":"unbinds"`, []string{"line 3", `no kind of action "unbinds"`}},
		"a value that the kind has not":                  {`"kind":"unbind","from":"861536030196019"`, `"kind":"stop","from":"861536030196019"`, []string{"line 3", "stop has no value from"}},
		"a provider":                                     {`"provider":"xuyu.east"`, `"provider":"xuyu east"`, []string{"line 3", "no provider's name"}},
		"a kind that a window holds":                     {`"kinds":[{"kind":"change-bind"`, `"kinds":[{"kind":"rebind"`, []string{"line 1", `the window "night" holds 1 of "rebind"`}},
		"a provider of the header":                       {`"provider":"cmiot","reason"`, `"provider":"","reason"`, []string{"line 1", "no provider's name"}},
		"a package":                                      {`"kind":"subscribe","to":"10002"`, `"kind":"subscribe","to":"1\n2"`, []string{"line 2", "no package's id"}},
		"a package after":                                {`"packages":["10002"]`, `"packages":[""]`, []string{"line 2", "no package's id"}},
		"a lifecycle":                                    {`"lifecycle":"suspended-by-owner"`, `"lifecycle":"suspended"`, []string{"line 2", `no lifecycle "suspended"`}},
		"a switch":                                       {`"active":2`, `"active":3`, []string{"line 2", "active is 3"}},
		"attributes":                                     {`"has":5`, `"has":13`, []string{"line 2", "attributes 13"}},
		"an attribute of drift":                          {`"attribute":"imei"`, `"attribute":"colour"`, []string{"line 2", `no attribute "colour"`}},
		"a time":                                         {`"timestamp":"2026`, `"timestamp":"twenty`, []string{"line 1", "twenty"}},
		"an id":                                          {`"id":"a4"`, `"id":"a4\u001b"`, []string{"line 3", "no action's id"}},
		"an id twice":                                    {`"id":"a4"`, `"id":"a1"`, []string{"line 3", "two actions a1"}},
		"a need that isn't there":                        {`["a2","a4"]`, `["a2","a5"]`, []string{"line 2", `action a3 needs "a5"`}},
		"needs in a circle":                              {`"kind":"resume","key"`, `"kind":"resume","needs":["a3"],"key"`, []string{"line 2", "waits for itself"}},
		"a key":                                          {`"key":"0123456789abcdef0123456789abcdef","guarded":true`, `"key":"O123","guarded":true`, []string{"line 3", "a key has"}},
		"a limit's kind":                                 {`"limits":[{"kind":"stop"`, `"limits":[{"kind":"stops"`, []string{"line 1", "no kind of action"}},
		"a count":                                        {`"total":9`, `"total":-9`, []string{"line 1", "total is less than 0"}},
		"a number's provider":                            {`{"number":{"address":"privacy_number.a","provider":"aliyun"`, `{"number":{"address":"privacy_number.a","provider":"."`, []string{"line 4", "no provider's name"}},
		"a line of nothing":                              {`{"number":`, "{}\n" + `{"number":`, []string{"line 4", "it says nothing"}},
		"a line of two values":                           {"{\"number\":", "{} {\"number\":", []string{"line 4", "something follows it"}},
		"a value of another type":                        {`"guarded":true`, `"guarded":"true"`, []string{"line 3", "guarded"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, string(text), row.old)
			changed := sealAgain(strings.Replace(string(text), row.old, row.new, 1))
			_, _, err := plan.Read(bytes.NewReader(zip(t, changed)))
			require.Error(t, err)
			for _, want := range row.want {
				assert.ErrorContains(t, err, want)
			}
			_, opened := plan.Open(bytes.NewReader(zip(t, changed)))
			assert.EqualError(t, opened, err.Error(), "card by card too")
		})
	}
}

// sealAgain gives the text the digest that it has.
func sealAgain(text string) string {
	body := text[:strings.LastIndex(strings.TrimSuffix(text, "\n"), "\n")+1]
	return body + `{"digest":"` + plan.TextDigest(body) + "\"}\n"
}

func TestAPlanOfTheFirstFormatIsToBeMadeAgain(t *testing.T) {
	text := `{"format":"cardfleet-plan","version":1,"program":"0.9","timestamp":"2026-11-21T20:46:47Z","config":"","lineage":"","serial":0,"total":1,"unchanged":0,"unread":0}` + "\n" +
		`{"card":{"Address":"card.x","Provider":"aliyun","ICCID":"89860617030017300390","Leaving":false}}` + "\n"
	_, _, err := plan.Read(bytes.NewReader(zip(t, text)))
	require.EqualError(t, err, "the plan was saved by cardfleet 0.9 in format 1; this version reads format 2 only: make the plan again")
}

func TestAPlanThatGoesOnBehindItsEndIsRefused(t *testing.T) {
	text, err := os.ReadFile("testdata/plan.v2.jsonl")
	require.NoError(t, err)
	_, _, err = plan.Read(bytes.NewReader(zip(t, string(text)+"{}\n")))
	require.ErrorContains(t, err, "something follows the plan's last line")
}

// A few bytes of a compressed file may stand for gigabytes.
func TestALineWithoutAnEndDoesNotFillTheMemory(t *testing.T) {
	head, _, _ := strings.Cut(string(mustRead(t, "testdata/plan.v2.jsonl")), "\n")
	bomb := zip(t, head+"\n"+strings.Repeat(" ", 200<<20))
	require.Less(t, len(bomb), 1<<20)
	_, _, err := plan.Read(bytes.NewReader(bomb))
	require.ErrorContains(t, err, "line 2")
	require.ErrorContains(t, err, "is longer than")
}

func mustRead(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return text
}

// What is read is written again as it was.
func FuzzReadPlan(f *testing.F) {
	text, err := os.ReadFile("testdata/plan.v2.jsonl")
	require.NoError(f, err)
	f.Add(string(text))
	f.Add("hello")
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)) // one for all: making one takes longer than all the rest
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		p, digest, err := plan.Read(bytes.NewReader(w.EncodeAll([]byte(text), nil)))
		f, opened := plan.Open(bytes.NewReader(w.EncodeAll([]byte(text), nil)))
		if err != nil {
			require.EqualError(t, opened, err.Error())
			return
		}
		require.NoError(t, opened)
		sameAsValue(t, p, f)
		var b bytes.Buffer
		again, err := plan.Write(&b, p)
		require.NoError(t, err)
		require.NotEmpty(t, digest)
		got, read, err := plan.Read(&b)
		require.NoError(t, err, "what was written can be read")
		require.Equal(t, again, read)
		require.Equal(t, again, plan.Digest(got))
	})
}
