package lang_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec/lang"
)

func chinese(t require.TestingT) lang.Language {
	l, err := lang.Of("zh")
	require.NoError(t, err)
	return l
}

func TestEnglishLeavesEveryTextAsItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		var l lang.Language
		assert.Equal(t, s, l.Text(s))
		assert.Equal(t, s, l.Word(s))
		assert.Equal(t, s, l.Lines(s))
		assert.Equal(t, s, l.Markdown(s))
		var b strings.Builder
		require.NoError(t, l.HTML(&b, strings.NewReader(s)))
		assert.Equal(t, s, b.String())
	})
}

func TestASentenceIsToldWithItsArguments(t *testing.T) {
	zh := chinese(t)
	for text, want := range map[string]string{
		"Stopped by the carrier":                "运营商停机",
		"1 card":                                "1 张卡",
		"18,240 calls, about 31 min at 10/s":    "18,240 次调用，约 31 分钟（每秒 10 次）",
		"unbind from 861536030000051":           "解绑(销户)，原设备 861536030000051",
		`  # card.bike["8986"] will be unbound`: `  # card.bike["8986"] 将解绑(销户)`,
		"card.x: change-bind 8615 -> 8616: failed: read the answer: EOF":                                                             "card.x：换绑 8615 -> 8616：失败：读取应答：EOF",
		"This is a first run: there is no state in fleet.state.":                                                                     "首次运行：fleet.state 中还没有状态。",
		"1 to change-bind, 2 to stop wait until 2026-11-29 17:00 UTC (2026-11-30 01:00 Asia/Shanghai), when the window night opens.": "换绑 1，停机 2，等到 2026-11-29 17:00 UTC (2026-11-30 01:00 Asia/Shanghai) 窗口 night 打开。",
		"card.lobby (89860617030017300008): adopt: done":                                                                             "card.lobby (89860617030017300008)：纳管：完成",
		"card.lobby (8986): stop: failed: read the answer: EOF":                                                                      "card.lobby (8986)：停机：失败：读取应答：EOF",
		"There is no option -ot. Did you mean -out? See cardfleet state show -h.":                                                    "没有选项 -ot。是否指 -out？见 cardfleet state show -h。",
		"The configuration lost 5 cards that the state has, 30% of 10 cards allowed. Is a table cut in half? apply refuses the plan": "配置中少了状态里的 5 张卡，允许 10 张卡的 30%。是不是表格被截断了？apply refuses the plan",
		"card.x: stop: not started: the window night opens 01:00":                                                                    "card.x：停机：未开始：窗口 night 于 01:00 打开",
		"Plan: 1 to stop, 2 to unbind (1 of 2 approved). 3 unchanged, 1 needs attention.":                                            "计划：停机 1，解绑(销户) 2（已审批 1/2）。未变 3，需处理 1。",
	} {
		assert.Equal(t, want, zh.Text(text), "%q", text)
	}
}

// A sentence of one line never takes the lines behind it for its own, nor a table's cells.
func TestEachLineIsToldByItself(t *testing.T) {
	zh := chinese(t)
	assert.Equal(t, "未作任何改动。以下操作须有人对恰好这张卡、这台设备审批：\n  card.x (8986): 停机\n-skip-unapproved 跳过它们执行其余。-auto-approve 不能代替审批。",
		zh.Lines("Nothing was changed. These actions need a person's approval of exactly this card and device:\n  card.x (8986): 停机\n-skip-unapproved runs the rest without them. -auto-approve never stands in for an approval."))
	assert.Equal(t, "卡是哪家运营商的？aliyun, cmiot\n\n  请输入名称，直接回车为 aliyun： ", zh.Lines("Which carrier are the cards of? aliyun, cmiot\n\n  Enter a name, or nothing for aliyun: "))
	assert.Equal(t, "| 运营商 | 张卡 | 在用 | 结果存疑 |", zh.Word("| carrier | cards | in service | in doubt |"))
}

// An error comes from several packages, each of which said what it was doing.
func TestAChainOfErrorsIsToldLinkByLink(t *testing.T) {
	zh := chinese(t)
	for text, want := range map[string]string{
		"read the state fleet.state: line 3: this is not a card: unexpected EOF":            "读取状态 fleet.state：第 3 行：这不是一张卡：unexpected EOF",
		"read the state default in db.example/cards.cardfleet: connect: connection refused": "读取状态 default（db.example/cards.cardfleet）：connect：连接被拒绝",
		"read 18 cards in 3 calls": "读取 18 张卡，共 3 次调用",
		"Status: isv.SYSTEM_ERROR: the carrier failed within (系统异常) (request 89E)":                              "Status: isv.SYSTEM_ERROR：运营商内部出错（系统异常）（请求号 89E）",
		"the answer has an odd shape (x); the answer is empty (y)":                                              "应答结构异常 (x)；应答为空 (y)",
		`There is no provider type "aliyn". Did you mean "aliyun"? There are "aliyun", "a, or b" and "cmiot".`:  `没有 provider 类型 "aliyn"。是否指 "aliyun"？可用的有 "aliyun"、"a, or b" 和 "cmiot"。`,
		`bikes.csv row 2, column "imei", ICCID 8986: "12" has 2 digits; an IMEI has 14, 15 or 16.`:              `bikes.csv 第 2 行，列 "imei"，ICCID 8986："12" 有 2 位；IMEI 应有 14、15 或 16 位。`,
		`The ICCID 8986 stands twice: in card.a["x"] (main.fleet.hcl line 3), and in card.b (bikes.csv row 3).`: `ICCID 8986 出现两次：card.a["x"]（main.fleet.hcl 第 3 行）；card.b（bikes.csv 第 3 行）。`,
	} {
		assert.Equal(t, want, zh.Text(text), "%q", text)
	}
}

func TestWhatNoCatalogueHasStaysAsItIs(t *testing.T) {
	zh := chinese(t)
	for _, text := range []string{
		"", " ", "isv.BUSINESS_LIMIT_CONTROL: 触发流控", "imei: 8615 -> 8616", "unread", "city=approval pending",
		"cardfleet resolve 89860617030017300390 -bound-to=IMEI (or -unbound)", `approval "unbind-1" {`,
	} {
		assert.Equal(t, text, zh.Text(text))
	}
}

func TestNothingOfATextThatIsNotKnownGetsLost(t *testing.T) {
	zh := chinese(t)
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom([]string{
			"card", "(", ")", "**", ". ", ": ", ", ", "; ", " — ", "X", "7 cards", "stop", "1 to stop", "`code`", "|", "\x1b[1m", "\U00100000", "\U000F0001", "é", "停", "{", "}", "not approved",
		}), 0, 40).Draw(t, "words")
		text := strings.Join(words, "")
		for _, keep := range []string{"X", "`code`", "\x1b[1m", "é", "{", "\U00100000"} {
			want := strings.Count(text, keep)
			assert.Equal(t, want, strings.Count(zh.Text(text), keep), "%q of %q", keep, text)
			assert.Equal(t, want, strings.Count(zh.Lines(text), keep), "%q of %q", keep, text)
		}
	})
}

// A text of somebody else's may be as long as its carrier likes.
func TestALongTextIsToldInReasonableTime(t *testing.T) {
	zh := chinese(t)
	for _, part := range []string{"a. ", "card was ", "The limit on ", "((((", "7 cards, ", "approved by ", "**", "x: y; "} {
		text := strings.Repeat(part, 300)
		assert.NotEmpty(t, zh.Text(text))
		assert.NotEmpty(t, zh.Markdown(text))
	}
}

func TestMarkdownKeepsCodeTagsAndBlocks(t *testing.T) {
	zh := chinese(t)
	text := "<!-- cardfleet-plan -->\n> - `card.x`: unbind from `8615` — **not approved**: no approval names this card\n\n| ICCID | old |\n| --- | --- |\n|`1`|`2`|\n\n```hcl\n# To approve the unbind of card.x\nreason = \"1 card\"\n```\n"
	want := "<!-- cardfleet-plan -->\n> - `card.x`：解绑(销户)，原设备 `8615`——**未审批**：没有审批写明此卡\n\n| ICCID | 原设备 |\n| --- | --- |\n|`1`|`2`|\n\n```hcl\n# To approve the unbind of card.x\nreason = \"1 card\"\n```\n"
	assert.Equal(t, want, zh.Markdown(text))
}

func TestAPageKeepsWhatIsSomebodysOwn(t *testing.T) {
	zh := chinese(t)
	text := `<html lang="en"><p title="A &amp; B" aria-label="Next row"><b>3</b> in doubt</p><p><bdi>in doubt</bdi> <code>1 card</code></p><script>"1 card"</script><noscript><p>Every action</p></noscript><p>&lt;b&gt;</p>`
	want := `<html lang="zh-CN"><p title="A &amp; B" aria-label="下一行"><b>3</b> 结果存疑</p><p><bdi>in doubt</bdi> <code>1 card</code></p><script>"1 card"</script><noscript><p>全部操作</p></noscript><p>&lt;b&gt;</p>`
	var b strings.Builder
	require.NoError(t, zh.HTML(&b, strings.NewReader(text)))
	assert.Equal(t, want, b.String())
}

func TestALanguageIsKnownByAnyOfItsNames(t *testing.T) {
	for _, name := range []string{"zh", "ZH", "zh-CN", "zh_CN.UTF-8", "zh-Hans"} {
		l, err := lang.Of(name)
		assert.NoError(t, err, name)
		assert.Equal(t, "zh-CN", l.Tag(), name)
	}
	for _, name := range []string{"en", "en_US.UTF-8", "C", "C.UTF-8", "POSIX"} {
		l, err := lang.Of(name)
		assert.NoError(t, err, name)
		assert.True(t, l.English(), name)
	}
	for _, name := range []string{"", "fr", "zhe", "chinese"} {
		_, err := lang.Of(name)
		assert.Error(t, err, name)
	}
}

func TestALocaleThatIsNoUTF8IsEnglish(t *testing.T) {
	for locale, english := range map[string]bool{
		"zh_CN.UTF-8": false, "zh_CN.utf8": false, "zh_TW.UTF-8@radical": false,
		"zh_CN.GBK": true, "zh_CN.GB18030": true, "zh_CN": true, "en_US.UTF-8": true, "fr_FR.UTF-8": true, "": true, "C": true,
	} {
		assert.Equal(t, english, lang.OfLocale(locale).English(), locale)
	}
}
