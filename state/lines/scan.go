package lines

import (
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Scanner reads lines as this program writes them: fields in their order, and no
// white space between them. Whatever else a line has is left to encoding/json,
// which takes ten times as long: a carrier's own ids, doubts, most escapes of
// characters, fields that somebody wrote in another order, and every mistake.
// Tests compare the two. The zero value is ready; its methods pass what they
// read, and are of no more use for a line once one of them has said false.
//
// Texts that it returns stay as they are: they are copies, kept next to each other.
type Scanner struct {
	rest  []byte
	words map[string]string // texts that many cards have
	// latest are the words that were read last, by their length: mostly, cards have the
	// words of the card before, and to compare one takes less than to look it up.
	latest [32]string
	labels map[string]map[string]string // by their text on the line
	texts  texts
}

// Begin begins a line.
func (s *Scanner) Begin(line []byte) { s.rest = line }

// Card reads a state's line of a card; false where it has to be read in another
// way. What is in c then is of no meaning.
func (s *Scanner) Card(line []byte, c *state.Card) bool {
	s.Begin(line)
	return s.Memory("", c) && s.End()
}

// End passes the end of the line.
func (s *Scanner) End() bool {
	ended := len(s.rest) == 0 || string(s.rest) == "\n"
	s.rest = nil
	return ended
}

// Memory is the card behind a name, as a state's line has it.
func (s *Scanner) Memory(name string, c *state.Card) bool {
	if !s.Skip(name) {
		return false
	}
	provider, ok := s.Word(`{"provider":"`)
	iccid, ok2 := s.Text(`,"iccid":"`)
	address, ok3 := s.Escaped(`,"address":"`)
	if !ok || !ok2 || !ok3 {
		return false
	}
	c.Provider, c.ICCID, c.Address = spec.ProviderName(provider), spec.ICCID(iccid), address
	ok = s.Optional(`,"msisdn":"`, &c.MSISDN) && s.Labels(`,"labels":{`, &c.Labels) && s.Binding(`,"binding":{"known":true`, &c.Binding)
	c.PreventUnbind = s.Skip(`,"prevent_unbind":true`)
	ok = ok && s.last(&c.Last) && s.Time(`,"changed":"`, &c.Changed) && s.Time(`,"since":"`, &c.Since) && s.recent(&c.Recent)
	return ok && s.Skip("}")
}

// Labels is the map behind a name, if the field is there.
func (s *Scanner) Labels(name string, to *map[string]string) bool {
	if !s.Skip(name) {
		return true
	}
	text := s.rest
	for {
		if !s.label() {
			return false
		}
		if !s.Skip(",") {
			break
		}
	}
	if !s.Skip("}") {
		return false
	}
	text = text[:len(text)-len(s.rest)]
	if *to = s.labels[string(text)]; *to == nil {
		*to = s.newLabels(text)
	}
	return true
}

// label passes a key and its value.
func (s *Scanner) label() bool {
	if !s.Skip(`"`) {
		return false
	}
	if _, ok := s.plain(); !ok || !s.Skip(`:"`) {
		return false
	}
	_, ok := s.plain()
	return ok
}

// newLabels are the labels of a text that was passed. Many cards have the same,
// which nobody changes, so the map is kept for them.
func (s *Scanner) newLabels(text []byte) map[string]string {
	labels := map[string]string{}
	pairs := Scanner{rest: text}
	for !pairs.Skip("}") {
		pairs.Skip(",")
		pairs.Skip(`"`)
		key, _ := pairs.plain()
		pairs.Skip(`:"`)
		value, _ := pairs.plain()
		labels[s.common(key)] = s.common(value)
	}
	if s.labels == nil {
		s.labels = map[string]map[string]string{}
	}
	if len(s.labels) < mostWords && len(text) <= longestKept {
		s.labels[string(text)] = labels
	}
	return labels
}

// Binding is the binding behind a name, if the field is there; the name ends with
// its first field, that the device is known.
func (s *Scanner) Binding(name string, b *state.Binding) bool {
	if !s.Skip(name) {
		return true
	}
	b.Known = true
	var reason string
	imei, ok := "", s.OptionalWord(`,"unconfirmed":"`, &reason)
	if !ok || reason != "" && b.Unconfirmed.UnmarshalText([]byte(reason)) != nil {
		return false
	}
	b.AsFarAsTold = s.Skip(`,"as_far_as_told":true`)
	ok = s.Optional(`,"imei":"`, &imei)
	b.IMEI = spec.IMEI(imei)
	return ok && s.Skip("}")
}

func (s *Scanner) last(l *state.Last) bool {
	if !s.Skip(`,"last":{"at":"`) {
		return true
	}
	var ok bool
	if l.At, ok = s.Clock(); !ok {
		return false
	}
	lifecycle, imei := "", ""
	ok = s.OptionalWord(`,"status":"`, &l.Status) && s.OptionalWord(`,"lifecycle":"`, &lifecycle) && s.OptionalWord(`,"reason":"`, &l.Reason)
	l.Lifecycle, l.ForDevice = spec.Lifecycle(lifecycle), s.Skip(`,"for_device":true`)
	has := uint8(0)
	ok = ok && s.Digit(`,"has":`, &has)
	l.Has = spec.Attr(has)
	ok = ok && s.Optional(`,"imei":"`, &imei) && s.packages(&l.Packages)
	l.IMEI = spec.IMEI(imei)
	return ok && s.Skip("}")
}

func (s *Scanner) packages(list *[]spec.Package) bool {
	if !s.Skip(`,"packages":[`) {
		return true
	}
	for {
		var p spec.Package
		id, ok := s.Word(`{"id":"`)
		p.ID = id
		if !ok || !s.OptionalWord(`,"name":"`, &p.Name) || !s.Time(`,"effective":"`, &p.Effective) || !s.Time(`,"expires":"`, &p.Expires) || !s.Skip("}") {
			return false
		}
		*list = append(*list, p)
		if !s.Skip(",") {
			return s.Skip("]")
		}
	}
}

func (s *Scanner) recent(list *[]state.Change) bool {
	if !s.Skip(`,"recent":[`) {
		return true
	}
	for {
		var ch state.Change
		kind, ok := s.Word(`{"kind":"`)
		ch.Kind = spec.Kind(kind)
		ok = ok && s.Optional(`,"from":"`, &ch.From) && s.Optional(`,"to":"`, &ch.To)
		ch.Final = s.Skip(`,"final":true`)
		if !ok || !s.Skip(`,"at":"`) {
			return false
		}
		if ch.At, ok = s.Clock(); !ok || !s.Time(`,"carrier_at":"`, &ch.CarrierAt) {
			return false
		}
		if ch.Accepted = s.Skip(`,"accepted":true`); !s.Skip("}") {
			return false
		}
		*list = append(*list, ch)
		if !s.Skip(",") {
			return s.Skip("]")
		}
	}
}

// Digit is the number behind a name, if the field is there: one digit, from 1 to 7.
func (s *Scanner) Digit(name string, to *uint8) bool {
	if !s.Skip(name) {
		return true
	}
	if len(s.rest) < 2 || s.rest[0] < '1' || s.rest[0] > '7' || strings.IndexByte("0123456789.eE", s.rest[1]) >= 0 {
		return false
	}
	*to, s.rest = s.rest[0]-'0', s.rest[1:]
	return true
}

// Count is the number behind a name, if the field is there: up to nine digits, the
// first not 0.
func (s *Scanner) Count(name string, to *int) bool {
	if !s.Skip(name) {
		return true
	}
	n := 0
	for n < len(s.rest) && s.rest[n] >= '0' && s.rest[n] <= '9' {
		n++
	}
	if n == 0 || n > 9 || s.rest[0] == '0' || n < len(s.rest) && strings.IndexByte(".eE", s.rest[n]) >= 0 {
		return false
	}
	*to = 0
	for _, digit := range s.rest[:n] {
		*to = 10**to + int(digit-'0')
	}
	s.rest = s.rest[n:]
	return true
}

// Field passes a field's name, with a comma before it unless it is the first.
func (s *Scanner) Field(first *bool, name string) bool {
	passed := *first && s.Skip(name) || !*first && len(s.rest) > 0 && s.rest[0] == ',' && s.skipAt(1, name)
	*first = *first && !passed
	return passed
}

func (s *Scanner) skipAt(n int, text string) bool {
	if len(s.rest) < n+len(text) || string(s.rest[n:n+len(text)]) != text {
		return false
	}
	s.rest = s.rest[n+len(text):]
	return true
}

// Skip passes a text; false where it doesn't stand here.
func (s *Scanner) Skip(text string) bool {
	if len(s.rest) < len(text) || string(s.rest[:len(text)]) != text {
		return false
	}
	s.rest = s.rest[len(text):]
	return true
}

// plain is the rest of a string whose opening quote was passed; false for one
// with an escape, or that isn't UTF-8.
func (s *Scanner) plain() ([]byte, bool) {
	ascii := true
	for i := 0; i < len(s.rest); i++ {
		for i+8 <= len(s.rest) && plain(binary.LittleEndian.Uint64(s.rest[i:])) {
			i += 8
		}
		if i == len(s.rest) {
			break
		}
		switch b := s.rest[i]; {
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

// plain reports whether JSON has eight characters of a string as they are: none is a
// quote, a backslash, a control character or beyond ASCII. Each byte of the terms has
// its high bit set where it is one, or where a byte before it is.
func plain(eight uint64) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	quote, backslash := eight^'"'*ones, eight^'\\'*ones
	return (eight|(eight-' '*ones)|(quote-ones)&^quote|(backslash-ones)&^backslash)&high == 0
}

// Text is the string behind a name.
func (s *Scanner) Text(name string) (string, bool) {
	if !s.Skip(name) {
		return "", false
	}
	text, ok := s.plain()
	return s.texts.keep(text), ok
}

// Optional is Text for a field that may be left out.
func (s *Scanner) Optional(name string, to *string) bool {
	if !s.Skip(name) {
		return true
	}
	text, ok := s.plain()
	*to = s.texts.keep(text)
	return ok && *to != ""
}

// Word is Text for a string that many cards have.
func (s *Scanner) Word(name string) (string, bool) {
	if !s.Skip(name) {
		return "", false
	}
	text, ok := s.plain()
	if !ok {
		return "", false
	}
	return s.common(text), true
}

// OptionalWord is Word for a field that may be left out.
func (s *Scanner) OptionalWord(name string, to *string) bool {
	if !s.Skip(name) {
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

// longestKept is the longest text of labels that is kept for other cards, in bytes.
const longestKept = 1 << 10

func (s *Scanner) common(text []byte) string {
	latest := &s.latest[len(text)%len(s.latest)]
	if *latest != string(text) {
		*latest = s.known(text)
	}
	return *latest
}

func (s *Scanner) known(text []byte) string {
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

// Number is the number behind a name: a whole one of up to 19 digits.
func (s *Scanner) Number(name string, to *uint64) bool {
	if !s.Skip(name) {
		return false
	}
	n := 0
	*to = 0
	for n < len(s.rest) && s.rest[n] >= '0' && s.rest[n] <= '9' {
		*to = 10**to + uint64(s.rest[n]-'0')
		n++
	}
	if n == 0 || n > 19 || n > 1 && s.rest[0] == '0' || n < len(s.rest) && strings.IndexByte(".eE", s.rest[n]) >= 0 {
		return false
	}
	s.rest = s.rest[n:]
	return true
}

// OptionalEscaped is Escaped for a field that may be left out.
func (s *Scanner) OptionalEscaped(name string, to *string) bool {
	if !s.Skip(name) {
		return true
	}
	var ok bool
	*to, ok = s.escaped()
	return ok && *to != ""
}

// Escaped is Text for a string with quotes in it, as addresses have.
func (s *Scanner) Escaped(name string) (string, bool) {
	if !s.Skip(name) {
		return "", false
	}
	return s.escaped()
}

// escaped is the rest of a string whose opening quote was passed.
func (s *Scanner) escaped() (string, bool) {
	mark := s.texts.begin(len(s.rest))
	for {
		end, ascii := 0, true
		for end+8 <= len(s.rest) && plain(binary.LittleEndian.Uint64(s.rest[end:])) {
			end += 8
		}
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

// Time is the time behind a name, if the field is there.
func (s *Scanner) Time(name string, to *time.Time) bool {
	if !s.Skip(name) {
		return true
	}
	var ok bool
	*to, ok = s.Clock()
	return ok && !to.IsZero()
}

// Clock is the time whose opening quote was passed, as Go writes one in UTC:
// 2026-11-21T20:00:00.001Z.
func (s *Scanner) Clock() (time.Time, bool) {
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
