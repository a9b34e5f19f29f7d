package stored

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// scanner reads a card's line as this program writes it: fields in their order,
// and no white space between them. Whatever else a line has is left to
// encoding/json, which takes ten times as long: labels, a carrier's own ids,
// doubts, escapes of characters, fields that somebody wrote in another order, and
// every mistake. A test compares the two.
type scanner struct {
	rest  []byte
	words map[string]string // texts that many cards have
	texts texts
}

// card reads a line; false where it has to be read in another way. What is in c
// then is of no meaning.
func (s *scanner) card(line []byte, c *state.Card) bool {
	s.rest = line
	provider, ok := s.word(`{"provider":"`)
	iccid, ok2 := s.text(`,"iccid":"`)
	address, ok3 := s.escaped(`,"address":"`)
	if !ok || !ok2 || !ok3 {
		return false
	}
	c.Provider, c.ICCID, c.Address = spec.ProviderName(provider), spec.ICCID(iccid), address
	ok = s.optional(`,"msisdn":"`, &c.MSISDN) && s.binding(&c.Binding)
	c.PreventUnbind = s.skip(`,"prevent_unbind":true`)
	ok = ok && s.last(&c.Last) && s.time(`,"changed":"`, &c.Changed) && s.time(`,"since":"`, &c.Since) && s.recent(&c.Recent)
	return ok && (string(s.rest) == "}\n" || string(s.rest) == "}")
}

func (s *scanner) binding(b *state.Binding) bool {
	if !s.skip(`,"binding":{"known":true`) {
		return true
	}
	b.Known = true
	var reason string
	imei, ok := "", s.optionalWord(`,"unconfirmed":"`, &reason)
	if !ok || reason != "" && b.Unconfirmed.UnmarshalText([]byte(reason)) != nil {
		return false
	}
	b.AsFarAsTold = s.skip(`,"as_far_as_told":true`)
	ok = s.optional(`,"imei":"`, &imei)
	b.IMEI = spec.IMEI(imei)
	return ok && s.skip("}")
}

func (s *scanner) last(l *state.Last) bool {
	if !s.skip(`,"last":{"at":"`) {
		return true
	}
	var ok bool
	if l.At, ok = s.clock(); !ok {
		return false
	}
	lifecycle, imei := "", ""
	ok = s.optionalWord(`,"status":"`, &l.Status) && s.optionalWord(`,"lifecycle":"`, &lifecycle) && s.optionalWord(`,"reason":"`, &l.Reason)
	l.Lifecycle, l.ForDevice = spec.Lifecycle(lifecycle), s.skip(`,"for_device":true`)
	if s.skip(`,"has":`) {
		if len(s.rest) < 2 || s.rest[0] < '1' || s.rest[0] > '7' || s.rest[1] >= '0' && s.rest[1] <= '9' {
			return false
		}
		l.Has, s.rest = spec.Attr(s.rest[0]-'0'), s.rest[1:]
	}
	ok = ok && s.optional(`,"imei":"`, &imei) && s.packages(&l.Packages)
	l.IMEI = spec.IMEI(imei)
	return ok && s.skip("}")
}

func (s *scanner) packages(list *[]spec.Package) bool {
	if !s.skip(`,"packages":[`) {
		return true
	}
	for {
		var p spec.Package
		id, ok := s.word(`{"id":"`)
		p.ID = id
		if !ok || !s.optionalWord(`,"name":"`, &p.Name) || !s.time(`,"effective":"`, &p.Effective) || !s.time(`,"expires":"`, &p.Expires) || !s.skip("}") {
			return false
		}
		*list = append(*list, p)
		if !s.skip(",") {
			return s.skip("]")
		}
	}
}

func (s *scanner) recent(list *[]state.Change) bool {
	if !s.skip(`,"recent":[`) {
		return true
	}
	for {
		var ch state.Change
		kind, ok := s.word(`{"kind":"`)
		ch.Kind = spec.Kind(kind)
		ok = ok && s.optional(`,"from":"`, &ch.From) && s.optional(`,"to":"`, &ch.To)
		ch.Final = s.skip(`,"final":true`)
		if !ok || !s.skip(`,"at":"`) {
			return false
		}
		if ch.At, ok = s.clock(); !ok || !s.time(`,"carrier_at":"`, &ch.CarrierAt) || !s.skip("}") {
			return false
		}
		*list = append(*list, ch)
		if !s.skip(",") {
			return s.skip("]")
		}
	}
}

// skip passes a text; false where it doesn't stand here.
func (s *scanner) skip(text string) bool {
	if len(s.rest) < len(text) || string(s.rest[:len(text)]) != text {
		return false
	}
	s.rest = s.rest[len(text):]
	return true
}

// plain is the rest of a string whose opening quote was passed; false for one
// with an escape, or that isn't UTF-8.
func (s *scanner) plain() ([]byte, bool) {
	ascii := true
	for i, b := range s.rest {
		switch {
		case b == '"':
			text := s.rest[:i]
			s.rest = s.rest[i+1:]
			return text, ascii || utf8.Valid(text)
		case b == '\\' || b < ' ':
			return nil, false
		case b >= utf8.RuneSelf:
			ascii = false
		}
	}
	return nil, false
}

// text is the string behind a name.
func (s *scanner) text(name string) (string, bool) {
	if !s.skip(name) {
		return "", false
	}
	text, ok := s.plain()
	return s.texts.keep(text), ok
}

// optional is text for a field that may be left out.
func (s *scanner) optional(name string, to *string) bool {
	if !s.skip(name) {
		return true
	}
	text, ok := s.plain()
	*to = s.texts.keep(text)
	return ok && *to != ""
}

// word is text for a string that many cards have.
func (s *scanner) word(name string) (string, bool) {
	if !s.skip(name) {
		return "", false
	}
	text, ok := s.plain()
	if !ok {
		return "", false
	}
	return s.common(text), true
}

func (s *scanner) optionalWord(name string, to *string) bool {
	if !s.skip(name) {
		return true
	}
	text, ok := s.plain()
	if ok {
		*to = s.common(text)
	}
	return ok && *to != ""
}

// mostWords is how many different words are kept for other cards. A state whose
// statuses are all different doesn't fill the memory with them.
const mostWords = 1 << 12

func (s *scanner) common(text []byte) string {
	if word, ok := s.words[string(text)]; ok {
		return word
	}
	word := string(text)
	if s.words == nil {
		s.words = map[string]string{}
	}
	if len(s.words) < mostWords {
		s.words[word] = word
	}
	return word
}

// escaped is text for a string with quotes in it, as addresses have.
func (s *scanner) escaped(name string) (string, bool) {
	if !s.skip(name) {
		return "", false
	}
	mark := s.texts.begin(len(s.rest))
	for {
		end, ascii := 0, true
		for end < len(s.rest) && s.rest[end] != '"' && s.rest[end] != '\\' {
			if s.rest[end] < ' ' {
				return "", false
			}
			ascii = ascii && s.rest[end] < utf8.RuneSelf
			end++
		}
		if end == len(s.rest) || !ascii && !utf8.Valid(s.rest[:end]) {
			return "", false
		}
		s.texts.b.Write(s.rest[:end])
		if s.rest[end] == '"' {
			s.rest = s.rest[end+1:]
			return s.texts.b.String()[mark:], true
		}
		if end+1 == len(s.rest) || s.rest[end+1] != '"' && s.rest[end+1] != '\\' {
			return "", false
		}
		s.texts.b.WriteByte(s.rest[end+1])
		s.rest = s.rest[end+2:]
	}
}

// time is the time behind a name, if the field is there.
func (s *scanner) time(name string, to *time.Time) bool {
	if !s.skip(name) {
		return true
	}
	var ok bool
	*to, ok = s.clock()
	return ok && !to.IsZero()
}

// clock is the time whose opening quote was passed, as Go writes one in UTC:
// 2026-11-21T20:00:00.001Z.
func (s *scanner) clock() (time.Time, bool) {
	b, ok := s.plain()
	if !ok || len(b) < len("2006-01-02T15:04:05Z") || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' || b[len(b)-1] != 'Z' {
		return time.Time{}, false
	}
	n := digits{ok: true}
	year, month, day := n.of(b[0:4]), n.of(b[5:7]), n.of(b[8:10])
	hour, minute, second := n.of(b[11:13]), n.of(b[14:16]), n.of(b[17:19])
	nanoseconds := 0
	if fraction := b[19 : len(b)-1]; len(fraction) > 0 {
		if fraction[0] != '.' || len(fraction) < 2 || len(fraction) > 10 {
			return time.Time{}, false
		}
		nanoseconds = n.of(fraction[1:])
		for i := len(fraction); i < 10; i++ {
			nanoseconds *= 10
		}
	}
	if !n.ok || hour > 23 || minute > 59 || second > 59 || month < 1 || month > 12 || day < 1 || day > 28 && day > daysIn(year, month) {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, nanoseconds, time.UTC), true
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// digits reads numbers, and says whether all were some.
type digits struct{ ok bool }

func (d *digits) of(b []byte) int {
	n := 0
	for _, c := range b {
		d.ok = d.ok && c >= '0' && c <= '9'
		n = n*10 + int(c-'0')
	}
	return n
}

// texts keeps short texts next to each other: one allocation for many.
type texts struct{ b strings.Builder }

const textsAtOnce = 16 << 10

// begin makes room for a text of at most n bytes, which begins where it says.
func (t *texts) begin(n int) int {
	if t.b.Cap()-t.b.Len() < n {
		t.b = strings.Builder{}
		t.b.Grow(max(n, textsAtOnce))
	}
	return t.b.Len()
}

func (t *texts) keep(text []byte) string {
	at := t.begin(len(text))
	t.b.Write(text)
	return t.b.String()[at:]
}
