package render_test

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// The plans that every form is shown with: text, Markdown, HTML and JSON.

const (
	aliyun = spec.ProviderName("aliyun.hangzhou")
	cmiot  = spec.ProviderName("cmiot.zhejiang")
	xuyu   = spec.ProviderName("xuyu")
)

// samplePlans are all plans that are small enough for every test, by name.
func samplePlans() map[string]*plan.Plan {
	return map[string]*plan.Plan{
		"no-changes":   noChanges(),
		"every-kind":   everyKind(),
		"ten-of-each":  tenOfEach(),
		"many-alike":   manyAlike(),
		"attention":    attentionOnly(),
		"incomplete":   incomplete(),
		"unapproved":   unbinds(false),
		"approved":     unbinds(true),
		"partial":      partial(),
		"drift":        drifted(),
		"swaps":        swaps(),
		"chinese":      chinese(),
		"refresh-only": refreshOnly(),
		"hostile":      hostile(),
		"windows":      windows(),
		"checks":       checks(),
	}
}

// windows is a plan of a fleet with windows: one is closed, one is open.
func windows() *plan.Plan {
	p := everyKind()
	night := time.Date(2026, 11, 29, 17, 0, 0, 0, time.UTC)
	p.Windows = []plan.Timing{
		{Window: "night", Zone: "Asia/Shanghai", Opens: night, Closes: night.Add(4 * time.Hour), Kinds: []plan.TimedKind{{Kind: spec.ChangeBind, Planned: 1}, {Kind: spec.Stop, Planned: 2}}},
		{Window: "weekdays", Zone: "UTC", Open: true, Opens: night.Add(-10 * time.Hour), Closes: night.Add(-2 * time.Hour), Kinds: []plan.TimedKind{{Kind: spec.Resume, Planned: 1}}},
	}
	return p
}

func iccid(i int) spec.ICCID { return spec.ICCID(fmt.Sprintf("8986061703001%07d", i)) }

func imei(i int) string { return fmt.Sprintf("86153603%06d1", i) }

// aCard is a card of the plan with the given actions.
func aCard(i int, actions ...plan.Action) plan.Card {
	c := plan.Card{
		Address: fmt.Sprintf("card.bike[%q]", iccid(i)), Provider: aliyun, ICCID: iccid(i), Actions: actions, File: "bikes.csv", Line: i + 2,
		Before: plan.Values{Binding: state.BoundTo(spec.IMEI(imei(i))), Active: spec.On, Packages: []string{"10002"}, Status: "正常", Lifecycle: spec.Active},
		After:  plan.Values{Binding: state.BoundTo(spec.IMEI(imei(i))), Active: spec.On, Packages: []string{"10002"}},
	}
	for k := range c.Actions {
		c.Actions[k].ID = fmt.Sprintf("a%d-%d", i, k)
		if k > 0 && actions[k-1].Kind.CallsCarrier() {
			c.Actions[k].Needs = []string{c.Actions[k-1].ID}
		}
		after(&c.After, c.Actions[k])
	}
	return c
}

// after lays an action over a card's values.
func after(v *plan.Values, a plan.Action) {
	switch a.Kind {
	case spec.ChangeBind:
		v.Binding = state.BoundTo(spec.IMEI(a.To))
	case spec.Unbind:
		v.Binding = state.BoundTo("")
	case spec.Stop, spec.Resume:
		v.Active = spec.SwitchOf(a.Kind == spec.Resume)
	case spec.Subscribe:
		v.Packages = append([]string{a.To}, v.Packages...)
	case spec.Unsubscribe:
		v.Packages = nil
	}
}

func changeBind(from, to string) plan.Action {
	return plan.Action{Change: spec.Change{Kind: spec.ChangeBind, From: from, To: to}}
}

// unbind is the unbind of card i, with the approvals that it has; none leaves
// it unapproved.
func unbind(i int, given ...plan.Approved) plan.Action {
	a := plan.Action{Change: spec.Change{Kind: spec.Unbind, From: imei(i)}, Guarded: true, Approved: len(given) > 0, Approvals: given}
	if len(given) == 0 {
		a.Denial = "no approval names this card"
	}
	return a
}

func noChanges() *plan.Plan { return &plan.Plan{Total: 1204, Unchanged: 1204} }

// everyKind has eleven changes, at least one of every kind, and what else a plan
// can say of a card.
func everyKind() *plan.Plan {
	p := &plan.Plan{
		Total: 1204, Unchanged: 1193,
		Costs: []plan.Cost{{Provider: aliyun, Calls: 18240, PerSecond: 10}, {Provider: xuyu, Calls: 1}},
		Cards: []plan.Card{
			aCard(1, changeBind("861536030196001", "861536030196019")),
			aCard(2, plan.Action{Change: spec.Change{Kind: spec.Stop}}),
			aCard(3, plan.Action{Change: spec.Change{Kind: spec.Resume}}, plan.Action{Change: spec.Change{Kind: spec.Subscribe, To: "10002"}}),
			aCard(4, plan.Action{Change: spec.Change{Kind: spec.Unsubscribe, From: "10001"}}),
			aCard(5, unbind(5)),
			aCard(6, plan.Action{Change: spec.Change{Kind: spec.Adopt, To: "861536030196035"}}),
			aCard(7, plan.Action{Change: spec.Change{Kind: spec.Forget}}),
			aCard(8),
			aCard(9, unbind(9, plan.Approved{By: "returned-2026-11", Reason: "returned to the leasing company"})),
			aCard(10),
			aCard(11, plan.Action{Change: spec.Change{Kind: spec.Stop}}),
			aCard(12, plan.Action{Change: spec.Change{Kind: spec.Move, From: "aliyun", To: "aliyun.hangzhou"}}),
		},
		Numbers: []plan.Number{{
			Address: "privacy_number.courier", Provider: aliyun, PoolKey: "FC12345", SubsID: "12345", Expected: "17000000001", Number: "17000000009", Status: 2,
			Attention: []plan.Note{{Summary: "Privacy number was replaced for now", Detail: "Calls fail, and the carrier gave the temporary X number 17000000009 instead."}},
		}},
	}
	p.Cards[0].Before.Binding = state.BoundTo("861536030196001")
	p.Cards[7].Attention = []plan.Note{stoppedByCarrier("欠费停机")}
	p.Cards[8].Leaving = true
	p.Cards[9].Notes = []string{"package 10001 is not wanted, and this carrier can't unsubscribe; it runs out on 2026-12-21"}
	p.Cards[10].Provider = xuyu
	return p
}

func stoppedByCarrier(reason string) plan.Note {
	return plan.Note{Summary: "Stopped by the carrier", Detail: fmt.Sprintf("The carrier stopped this card: %s. A resume is not planned: settle the cause with the carrier first.", reason)}
}

// tenOfEach has ten changes of each kind, over three carriers.
func tenOfEach() *plan.Plan {
	p := &plan.Plan{Total: 90, Costs: []plan.Cost{{Provider: aliyun, Calls: 54, PerSecond: 10}, {Provider: cmiot, Calls: 50, PerSecond: 5}, {Provider: xuyu, Calls: 26}}}
	for i := range 90 {
		kind := spec.Kinds()[i/10]
		a := plan.Action{Change: spec.Change{Kind: kind}}
		switch kind {
		case spec.ChangeBind:
			a = changeBind(imei(i), imei(i+900))
		case spec.Unbind:
			a = unbind(i)
			if i%2 == 0 {
				a = unbind(i, plan.Approved{By: "returned-2026-11", Reason: "returned to the leasing company"})
			}
		case spec.Subscribe:
			a.To = "10002"
		case spec.Unsubscribe:
			a.From = "10001"
		case spec.Move:
			a.From, a.To = "aliyun.old", "aliyun"
		}
		c := aCard(i, a)
		c.Provider = []spec.ProviderName{aliyun, cmiot, xuyu}[i%3]
		p.Cards = append(p.Cards, c)
	}
	return p
}

// manyAlike has 5,000 stops that are alike, and three odd ones among them.
func manyAlike() *plan.Plan {
	p := &plan.Plan{
		Total: 5003, Costs: []plan.Cost{{Provider: aliyun, Calls: 10006, PerSecond: 20}},
		Limits: []plan.Exceeded{{Kind: spec.Stop, Planned: 5002, Allowed: "30% of 5003 cards", Default: true, File: "bikes.csv", FileCount: 5002}},
	}
	for i := range 5003 {
		c := aCard(i, plan.Action{Change: spec.Change{Kind: spec.Stop}})
		c.Labels = map[string]string{"city": "hangzhou", "batch": "2026-Q1"}
		switch i {
		case 1234:
			c = aCard(i, plan.Action{Change: spec.Change{Kind: spec.Resume}})
		case 2345:
			c.Labels["city"] = "ningbo"
		case 3456:
			c.Notes = []string{"the carrier takes another change of this card from 2026-11-22 08:00 UTC on"}
		}
		p.Cards = append(p.Cards, c)
	}
	return p
}

// manyStops has n stops over three carriers and four cities.
func manyStops(n int) *plan.Plan {
	p := &plan.Plan{
		Total: n + 11, Unchanged: 11,
		Costs: []plan.Cost{{Provider: aliyun, Calls: 2 * n / 3, PerSecond: 20}, {Provider: cmiot, Calls: 2 * n / 3, PerSecond: 5}, {Provider: xuyu, Calls: n / 3}},
	}
	labels := make([]map[string]string, 4)
	for i, city := range []string{"hangzhou", "ningbo", "suzhou", "wuxi"} {
		labels[i] = map[string]string{"city": city, "batch": "2026-Q1"}
	}
	like := aCard(0, plan.Action{Change: spec.Change{Kind: spec.Stop}})
	addresses := addressesOf(n)
	actions := make([]plan.Action, n)
	p.Cards = make([]plan.Card, n)
	each := len(addresses) / n
	for i := range n {
		c := &p.Cards[i]
		*c = like
		c.Address = addresses[i*each : (i+1)*each]
		c.ICCID = spec.ICCID(c.Address[len(`card.bike["`) : len(c.Address)-len(`"]`)])
		c.Provider = []spec.ProviderName{aliyun, cmiot, xuyu}[i%3]
		c.Labels = labels[i/3%len(labels)]
		actions[i] = plan.Action{ID: c.Address, Change: spec.Change{Kind: spec.Stop}}
		c.Actions = actions[i : i+1 : i+1]
	}
	return p
}

// addressesOf are the addresses of n cards, one right after the other: a
// million single ones would take longer to make than to show.
func addressesOf(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`card.bike["8986061703001`)
		digits := strconv.Itoa(i)
		b.WriteString("0000000"[len(digits):])
		b.WriteString(digits)
		b.WriteString(`"]`)
	}
	return b.String()
}

// attentionOnly changes nothing, and needs a person.
func attentionOnly() *plan.Plan {
	p := &plan.Plan{Total: 3, Unchanged: 1, Cards: []plan.Card{aCard(8), aCard(9)}}
	p.Cards[0].Attention = []plan.Note{stoppedByCarrier("欠费停机")}
	p.Cards[1].Attention = []plan.Note{{
		Summary: "Outcome in doubt",
		Detail: "change-bind 861536030196001 -> 861536030196019 was sent at 2026-11-21 20:46:47 UTC and its outcome is unknown (no answer within 30s). The card is left alone until it is known.\n" +
			"Look at the carrier's console which device the card is bound to, then say so:\ncardfleet resolve 89860617030010000009 -bound-to=IMEI (or -unbound)",
	}}
	return p
}

// checks has a check of each severity and status.
func checks() *plan.Plan {
	p := &plan.Plan{Total: 3, Unchanged: 2, Cards: []plan.Card{aCard(8, plan.Action{Change: spec.Change{Kind: spec.Resume}})}}
	p.Checks = []spec.Check{
		{Name: "every card has a city", Severity: spec.CheckWarns, Status: spec.CheckFails, Message: "89860617030010000008 has none", File: "main.fleet.hcl", Line: 12},
		{Name: "a card has a package", Severity: spec.CheckRefuses, Status: spec.CheckPasses, File: "main.fleet.hcl", Line: 17},
		{Name: "nobody is stopped", Severity: spec.CheckRefuses, Status: spec.CheckUnknown, File: "main.fleet.hcl", Line: 22},
		{Name: "at most 5 cards are stopped", Severity: spec.CheckRefuses, Status: spec.CheckFails, Message: "7 cards are stopped:\n  see the console.", File: "main.fleet.hcl", Line: 27},
	}
	return p
}

// incomplete has a carrier that could not be read at all.
func incomplete() *plan.Plan {
	return &plan.Plan{Total: 40, Unread: 40, Incomplete: []plan.Incomplete{{Provider: aliyun, Reason: "QueryCardStatus: connect: connection refused", Cards: 40}}}
}

// unbinds are four unbinds; approved by blocks, the option and signers, or none.
func unbinds(approved bool) *plan.Plan {
	given := [][]plan.Approved{
		{{By: "returned-2026-11", Reason: "returned to the leasing company, ticket RMA-2026-11"}},
		{{By: "returned-2026-11", Reason: "returned to the leasing company, ticket RMA-2026-11"}, {By: "stolen", Reason: "reported to the police"}},
		{{By: "-approve-unbind"}},
		{{By: "wang@example.com"}, {By: "li@example.com"}},
	}
	p := &plan.Plan{Total: 40, Unchanged: 36, Costs: []plan.Cost{{Provider: aliyun, Calls: 4, PerSecond: 10}}}
	for i := range given {
		a := unbind(i)
		if approved {
			a = unbind(i, given[i]...)
		}
		p.Cards = append(p.Cards, aCard(i, a))
	}
	if !approved {
		a := &p.Cards[1].Actions[0]
		a.Approvals, a.Denial = given[0], `approval "stolen" expired on 2026-11-01 00:00 UTC`
		p.Cards[2].Leaving = true
	}
	return p
}

// partial is a plan of a part of the fleet, some of it by old readings.
func partial() *plan.Plan {
	made := time.Date(2026, 11, 21, 20, 46, 47, 0, time.UTC)
	return &plan.Plan{
		Timestamp: made, Reads: []plan.Reads{{
			Provider: aliyun, Cards: 2, Read: 1, Calls: 1, Remembered: 1, Oldest: made.Add(-26 * time.Hour), Newest: made.Add(-26 * time.Hour),
		}},
		Total: 2, Unchanged: 1, Partial: `-target='card.bike["89860617030010000002"]' -select=city=hangzhou`, Skipped: 1202,
		Costs: []plan.Cost{{Provider: aliyun, Calls: 2, PerSecond: 10}},
		Cards: []plan.Card{aCard(2, plan.Action{Change: spec.Change{Kind: spec.Stop}})},
	}
}

// drifted has 400 cards that somebody stopped by hand, which a plan resumes,
// and one that was given another device.
func drifted() *plan.Plan {
	since := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	p := &plan.Plan{Total: 1204, Unchanged: 803, Costs: []plan.Cost{{Provider: aliyun, Calls: 402, PerSecond: 10}}}
	for i := range 400 {
		c := aCard(i, plan.Action{Change: spec.Change{Kind: spec.Resume}})
		c.Before.Active, c.Before.Lifecycle, c.Before.Status = spec.Off, spec.SuspendedByOwner, "停机"
		c.Drift = []plan.Drift{{Attribute: "active", From: "true", To: "false (suspended by its owner)", Since: since, Cause: "somebody changed it at the carrier's console, or another program did", Keep: "active = false", Where: "bikes.csv"}}
		p.Cards = append(p.Cards, c)
	}
	odd := aCard(400, changeBind(imei(77), imei(400)))
	odd.Drift = []plan.Drift{{Attribute: "imei", From: imei(400), To: imei(77), Since: since, Cause: "somebody changed it at the carrier's console, or another program did", Keep: fmt.Sprintf("imei = %q", imei(77)), Where: "bikes.csv"}}
	p.Cards = append(p.Cards, odd)
	return p
}

// refreshOnly is drift that is only looked at.
func refreshOnly() *plan.Plan {
	p := drifted()
	p.RefreshOnly, p.Unchanged, p.Costs = true, 1204, nil
	for i := range p.Cards {
		p.Cards[i].Actions = nil
	}
	return p
}

// swaps has a chain of three cards that pass their devices on, a circle that
// goes by way of a parking IMEI, and 200 cards with an order of their own.
func swaps() *plan.Plan {
	p := &plan.Plan{Total: 300, Unchanged: 95, Costs: []plan.Cost{{Provider: aliyun, Calls: 606, PerSecond: 10}}}
	p.Cards = append(p.Cards,
		aCard(1, changeBind(imei(1), imei(2))),
		aCard(2, changeBind(imei(2), imei(3))),
		aCard(3, changeBind(imei(3), imei(9))),
		aCard(4, changeBind(imei(4), imei(99)), changeBind(imei(99), imei(5))),
		aCard(5, changeBind(imei(5), imei(4))),
	)
	need := func(card, action int, id string) {
		a := &p.Cards[card].Actions[action]
		a.Needs = append(a.Needs, id)
	}
	need(0, 0, "a2-0")
	need(1, 0, "a3-0")
	need(3, 1, "a5-0")
	need(4, 0, "a4-0")
	p.Cards[3].Notes = []string{"goes by way of parking IMEI " + imei(99) + ", since cards swap devices in a circle"}
	for i := range 200 {
		p.Cards = append(p.Cards, aCard(100+i, plan.Action{Change: spec.Change{Kind: spec.Resume}}, plan.Action{Change: spec.Change{Kind: spec.Subscribe, To: "10002"}}))
	}
	return p
}

// chinese has labels, keys and messages in Chinese.
func chinese() *plan.Plan {
	p := &plan.Plan{Total: 153, Unchanged: 1, Costs: []plan.Cost{{Provider: aliyun, Calls: 302, PerSecond: 10}}}
	for i := range 150 {
		c := aCard(i, plan.Action{Change: spec.Change{Kind: spec.Stop}})
		c.Labels = map[string]string{"城市": "杭州", "批次": "二〇二六年第一季度"}
		p.Cards = append(p.Cards, c)
	}
	odd := aCard(150, unbind(150, plan.Approved{By: "退回", Reason: "车辆已退回租赁公司,工单 RMA-2026-11"}))
	odd.Address = `card.bike["西湖一号"]`
	note := aCard(151)
	note.Address = `card.bike["西湖二号"]`
	note.Attention = []plan.Note{stoppedByCarrier("该卡因连续三个月欠费被运营商停机,请先到营业厅缴清欠费并提交复机申请,审核通过后二十四小时内恢复服务;如有疑问请拨打客服热线")}
	p.Cards = append(p.Cards, odd, note)
	return p
}

// hostileTexts are what somebody might write to break out of where it is shown.
var hostileTexts = []string{
	"<script>alert(1)</script>", "```\n# heading\n```", "`code` ``more`` `", "a|b|c", "one\ntwo\r\nthree", "\u202eright to left\u202c \u200f",
	"@everyone @github/security #1 GH-1 https://evil.example/ www.evil.example", "--> <!-- cardfleet-plan --> <!--", "</details></summary><details open>",
	"~~~\n</pre>", "> [!NOTE]\n> all is well", "![x](https://evil.example/x.png) [y](javascript:alert(1))", "\x1b[2J\x1b[31mred\x07", "\\", "&lt;b&gt; &amp;",
	"Plan: 0 to adopt.\n", "*bold* _it_ ~~gone~~ :tada:", "\"];\n  evil --> a1", "%%{init: {}}%%", "{{.}} ${x} $(id)", "' onmouseover='x", "\x00\xff\xfe", "\u2028\u0085",
	"[ ] task", "| --- |", "1. one", "====", "\t\tindented", "",
	"GH-7 RMA-12 (gl-9 see:GH-8 !5 \"!6 %2 %\"v1\" group/project!5 deadbeefcafe 1234567 x=0123456789abcdef", "::stop-commands::x\n::warning::y ##[group]z section_start:1700000000:a\r\x1b[0K",
}

// hostile has hostile texts wherever texts come from outside.
func hostile() *plan.Plan {
	p := &plan.Plan{
		Total: 400, Unchanged: 7, Partial: hostileTexts[0] + hostileTexts[1], Skipped: 3,
		Costs:      []plan.Cost{{Provider: aliyun, Calls: 300, PerSecond: 10}, {Provider: spec.ProviderName(hostileTexts[8]), Calls: 1}},
		Incomplete: []plan.Incomplete{{Provider: spec.ProviderName(hostileTexts[3]), Reason: hostileTexts[6], Cards: 4}},
		Limits:     []plan.Exceeded{{Kind: spec.Stop, Provider: spec.ProviderName(hostileTexts[5]), Planned: 9, Allowed: "5", File: hostileTexts[7], FileCount: 9}},
		Windows:    []plan.Timing{{Window: hostileTexts[4], Zone: hostileTexts[0], Opens: time.Date(2026, 11, 29, 17, 0, 0, 0, time.UTC), Kinds: []plan.TimedKind{{Kind: spec.Stop, Planned: 9}}}},
		Numbers:    []plan.Number{{Address: hostileTexts[1], Provider: aliyun, Attention: []plan.Note{{Summary: hostileTexts[2], Detail: hostileTexts[9]}}}},
	}
	for i, text := range hostileTexts {
		p.Checks = append(p.Checks, spec.Check{
			Name: text, Severity: []spec.CheckSeverity{spec.CheckWarns, spec.CheckRefuses}[i%2], Status: spec.CheckFails, Message: text, File: text, Line: i + 1,
		})
		stopped := aCard(10*i, plan.Action{Change: spec.Change{Kind: spec.Stop}, Guarded: true, Denial: text})
		stopped.Labels = map[string]string{"city": text, text: "x"}
		stopped.Notes = []string{text}
		closed := aCard(10*i+1, unbind(10*i+1, plan.Approved{By: text, Reason: text}))
		closed.Address = fmt.Sprintf("card.bike[%q]", text)
		noted := aCard(10*i + 2)
		noted.Address = "card." + text
		noted.Attention = []plan.Note{{Summary: text, Detail: text}}
		drift := aCard(10*i + 3)
		drift.Drift = []plan.Drift{{Attribute: "imei", From: text, To: text, Cause: text, Keep: text, Where: text}}
		p.Cards = append(p.Cards, stopped, closed, noted, drift)
		swap := aCard(10*i+4, changeBind(imei(i), text), plan.Action{Change: spec.Change{Kind: spec.Subscribe, To: text}})
		swap.Address = text
		if i%2 == 1 { // a chain with the one before
			swap.Actions[0].Needs = []string{fmt.Sprintf("a%d-0", 10*i-6)}
		}
		p.Cards = append(p.Cards, swap)
		for k := range 5 {
			alike := aCard(1000+100*i+k, plan.Action{Change: spec.Change{Kind: spec.Subscribe, To: "10002"}})
			alike.Labels = map[string]string{"city": text}
			alike.Address = text + string(alike.ICCID)
			p.Cards = append(p.Cards, alike)
		}
	}
	return p
}
