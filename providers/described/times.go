package described

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Formats are formatdate's, with SSS for milliseconds besides.

// layouts are the verbs of a format, the longest of a letter first, and Go's words
// for them.
var layouts = []struct{ verb, layout string }{
	{"YYYY", "2006"}, {"YY", "06"},
	{"MMMM", "January"}, {"MMM", "Jan"}, {"MM", "01"}, {"M", "1"},
	{"DD", "02"}, {"D", "2"}, {"EEEE", "Monday"}, {"EEE", "Mon"},
	{"hh", "15"}, {"HH", "03"}, {"H", "3"}, {"AA", "PM"}, {"aa", "pm"},
	{"mm", "04"}, {"m", "4"}, {"ss", "05"}, {"s", "5"}, {"SSS", millis},
	{"ZZZZZ", "-07:00"}, {"ZZZZ", "-0700"}, {"Z", "Z07:00"},
}

// millis stands for the milliseconds in a layout, since Go takes them only behind
// a point.
const millis = "\x00"

// layoutOf is a format in Go's words.
func layoutOf(format string) (string, error) {
	var b strings.Builder
	for rest := format; rest != ""; {
		if rest[0] == '\'' {
			quoted, after, closed := strings.Cut(rest[1:], "'")
			if !closed {
				return "", errors.New("a quote in the format isn't closed")
			}
			b.WriteString(quoted)
			rest = after
			continue
		}
		verb := ""
		for _, l := range layouts {
			if strings.HasPrefix(rest, l.verb) {
				verb = l.verb
				b.WriteString(l.layout)
				break
			}
		}
		if verb == "" && letter(rest[0]) && rest[0] != 'T' {
			return "", fmt.Errorf("the format has %q, which stands for nothing; a text in it needs single quotes", rest[:1])
		}
		if verb == "" {
			verb = rest[:1]
			b.WriteString(verb)
		}
		rest = rest[len(verb):]
	}
	return b.String(), nil
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func formatTime(t time.Time, format string) (string, error) {
	layout, err := layoutOf(format)
	if err != nil {
		return "", err
	}
	parts := strings.Split(layout, millis)
	for i := range parts {
		parts[i] = t.Format(parts[i])
	}
	return strings.Join(parts, fmt.Sprintf("%03d", t.Nanosecond()/int(time.Millisecond))), nil
}

// parseTime reads a text by a format. Milliseconds stand behind what has a fixed
// length.
func parseTime(text, format string, zone *time.Location) (time.Time, error) {
	layout, err := layoutOf(format)
	if err != nil {
		return time.Time{}, err
	}
	if at := strings.Index(layout, millis); at >= 0 {
		if len(text) < at+3 {
			return time.Time{}, errors.New("the text is shorter than its format")
		}
		dot := "."
		if at > 0 && layout[at-1] == '.' {
			dot = ""
		}
		layout = layout[:at] + dot + "000" + layout[at+1:]
		text = text[:at] + dot + text[at:]
	}
	t, err := time.ParseInLocation(layout, text, zone)
	if err != nil {
		return time.Time{}, errors.New("the text isn't a time of this format")
	}
	return t, nil
}

// zoneOf finds a zone: "UTC", "Asia/Shanghai", "+08:00".
func zoneOf(name string) (*time.Location, error) {
	if t, err := time.Parse("-07:00", name); err == nil {
		return t.Location(), nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, fmt.Errorf("there is no time zone %q; write one like %q or %q", name, "Asia/Shanghai", "+08:00")
	}
	return zone, nil
}

// mostSeconds is the longest number of seconds; a longer one is of milliseconds.
const mostSeconds = 11

// timeOf reads a time as a definition has it: RFC 3339, or the seconds or
// milliseconds since 1970.
func timeOf(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || math.IsNaN(n) || math.Abs(n) > 1e15:
		return time.Time{}, errors.New("it is no time: write it as parsetime(text, format, zone)")
	case len(strings.TrimLeft(text, "-")) > mostSeconds:
		return time.UnixMilli(int64(n)).UTC(), nil
	default:
		return time.UnixMilli(int64(n * 1000)).UTC(), nil
	}
}

func timeFunctions() map[string]function.Function {
	number := func(count func(time.Time) int64) function.Function {
		return function.New(&function.Spec{
			Params: []function.Parameter{{Name: "time", Type: cty.String}},
			Type:   function.StaticReturnType(cty.Number),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				t, err := timeOf(args[0].AsString())
				return cty.NumberIntVal(count(t)), err
			},
		})
	}
	return map[string]function.Function{
		"unix": number(time.Time.Unix), "unix_ms": number(time.Time.UnixMilli),
		"time":      zoned("format", "time", inZone),
		"parsetime": zoned("text", "format", fromText),
	}
}

// zoned makes a function of two texts and a zone, which may be left out.
func zoned(first, second string, impl func(first, second, zone string) (string, error)) function.Function {
	return function.New(&function.Spec{
		Params:   []function.Parameter{{Name: first, Type: cty.String}, {Name: second, Type: cty.String}},
		VarParam: &function.Parameter{Name: "zone", Type: cty.String},
		Type:     function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			zone := ""
			switch len(args) {
			case 2:
			case 3:
				zone = args[2].AsString()
			default:
				return cty.NilVal, errors.New("it takes a zone at most")
			}
			s, err := impl(args[0].AsString(), args[1].AsString(), zone)
			return cty.StringVal(s), err
		},
	})
}

func inZone(format, text, zone string) (string, error) {
	t, err := timeOf(text)
	if err != nil {
		return "", err
	}
	if zone == "" {
		zone = "UTC"
	}
	z, err := zoneOf(zone)
	if err != nil {
		return "", err
	}
	return formatTime(t.In(z), format)
}

func fromText(text, format, zone string) (string, error) {
	if zone == "" && !strings.Contains(format, "Z") {
		return "", errors.New("neither the format nor the call says the zone: write parsetime(text, format, zone)")
	}
	if zone == "" {
		zone = "UTC"
	}
	z, err := zoneOf(zone)
	if err != nil {
		return "", err
	}
	t, err := parseTime(text, format, z)
	return t.UTC().Format(time.RFC3339Nano), err
}
