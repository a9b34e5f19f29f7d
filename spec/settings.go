package spec

import (
	"cmp"
	"fmt"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// SettingType says which Go type a setting has.
type SettingType int

// The types of settings, and the Go type that [Settings] and the blocks' maps hold.
const (
	SettingString   SettingType = iota // string
	SettingNumber                      // float64, more than 0
	SettingInt                         // int
	SettingBool                        // bool
	SettingDuration                    // time.Duration, written "25s"
	SettingStrings                     // []string
	SettingIMEIs                       // []string: IMEIs, each of another device
	SettingAny                         // string, float64, bool, []any, map[string]any
)

// Setting is one attribute that a block may have.
type Setting struct {
	Name string
	Type SettingType
	// Env is the environment variable that is read where the block doesn't say it; "" for none.
	Env string
	// TerraformEnv is Terraform's name of that variable, read where Env isn't set; "" for none.
	TerraformEnv string
	// Secret settings are never shown, and are kept out of digests and files.
	Secret bool
	// Lines is a text of several lines, which ends with a line end: PEM.
	Lines bool
	// Required settings are said by the block, whatever the environment says.
	Required bool
	// MayBeBlank takes a blank text for one that isn't said.
	MayBeBlank bool
	// Least and Most are the bounds of a [SettingInt]; Most 0 is no bound.
	Least, Most int
	// Positive refuses 0 as a [SettingDuration].
	Positive bool
	// Refused says why a block of this type can't have the setting that others
	// have; "" where it can.
	Refused string
	Doc     string // one line, for people
}

// Schema is the settings that one type of block has. A provider's block has
// [CommonSettings] besides.
type Schema struct {
	Type     string // the block's label: "aliyun", "postgres"
	Settings []Setting
	// Exact has a number that stands where a text is wanted refused. Otherwise
	// it is its digits, since carriers give numbers out as names.
	Exact bool

	// Account is the setting of a provider's block that names the account; Carrier
	// is whose accounts those are, the Type unless said; Endpoint is the endpoint
	// of a block that says none. See [Schema.AccountOf]. AccountKey says that the
	// setting is an access key's id, which may change while the account stays.
	Account, Carrier, Endpoint string
	AccountKey                 bool

	// Defined says that the type comes of a definition in HCL, whose place one of
	// the configuration may take; Digest is that of the definition's text.
	Defined bool
	Digest  string
}

// Setting finds the setting of that name.
func (s Schema) Setting(name string) (Setting, bool) {
	for _, x := range s.Settings {
		if x.Name == name {
			return x, true
		}
	}
	return Setting{}, false
}

// Names are the settings' names, in the schema's order.
func (s Schema) Names() []string {
	names := make([]string, len(s.Settings))
	for i := range s.Settings {
		names[i] = s.Settings[i].Name
	}
	return names
}

// Mistake is what is wrong with a setting's value.
type Mistake struct{ Summary, Detail string }

// Take turns a value into the setting's Go type, or says what is wrong with
// it. The value is what the type is written as: a string for texts and
// durations, a float64 for numbers, a bool, []string.
func (x Setting) Take(value any) (any, []Mistake) {
	if x.Refused != "" {
		return nil, []Mistake{{"Unsuitable attribute", x.Refused}}
	}
	switch x.Type {
	case SettingString:
		if strings.TrimSpace(value.(string)) == "" && !x.MayBeBlank {
			return nil, x.mistake("Blank value", "%s is blank. Write a value, or leave the attribute out.")
		}
		// Credentials are those that a variable may say, and secrets. What stands
		// around one would be sent along, and the refusal doesn't tell.
		if wrapped := Wrapped(value.(string)); wrapped != "" && !x.Lines && (x.Secret || x.Env != "") {
			return nil, []Mistake{{"Unusable value", x.Name + " " + wrapped}}
		}
		return value, nil
	case SettingNumber:
		if value.(float64) <= 0 {
			return nil, x.mistake("Value out of range", "%s must be more than 0.")
		}
		return value, nil
	case SettingInt:
		return x.takeInt(value.(float64))
	case SettingDuration:
		return x.takeDuration(value.(string))
	case SettingIMEIs:
		return x.takeIMEIs(value.([]string))
	default:
		return value, nil
	}
}

func (x Setting) takeInt(n float64) (any, []Mistake) {
	most := cmp.Or(x.Most, math.MaxInt)
	switch {
	case n != math.Trunc(n) || n < float64(x.Least) || n >= math.MaxInt:
		return nil, x.mistake("Value out of range", "%s must be a whole number of at least "+strconv.Itoa(x.Least)+".")
	case int(n) > most:
		return nil, x.mistake("Value out of range", "%s must be a whole number of at most "+strconv.Itoa(most)+".")
	}
	return int(n), nil
}

func (x Setting) takeDuration(text string) (any, []Mistake) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return nil, x.mistake("Invalid duration", `%s is a number with its unit, such as "25s", "1m30s" or "500ms".`)
	case d <= 0 && x.Positive:
		return nil, x.mistake("Value out of range", "%s must be more than 0.")
	case d < 0:
		return nil, x.mistake("Value out of range", "%s must be 0 or more.")
	}
	return d, nil
}

func (x Setting) takeIMEIs(list []string) (any, []Mistake) {
	var wrong []Mistake
	devices := map[string]string{}
	for _, text := range list {
		imei, err := ParseIMEI(text)
		if err != nil {
			wrong = append(wrong, Mistake{"Invalid IMEI", Sentence(err)})
			continue
		}
		if first, twice := devices[imei.Device()]; twice {
			wrong = append(wrong, Mistake{"Duplicate IMEI", fmt.Sprintf("%q and %q are one device: their first 14 digits are the same.", first, text)})
			continue
		}
		devices[imei.Device()] = text
	}
	return list, wrong
}

func (x Setting) mistake(summary, detail string) []Mistake {
	return []Mistake{{summary, fmt.Sprintf(detail, x.Name)}}
}

// Parse reads a value as a variable of the environment holds it. Lists and
// values of any type can't be written so.
func (x Setting) Parse(text string) (any, []Mistake) {
	switch x.Type {
	case SettingNumber, SettingInt:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, x.mistake("Unsuitable value", "%s must be a number.")
		}
		return x.Take(n)
	case SettingBool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, x.mistake("Unsuitable value", "%s must be true or false.")
		}
		return b, nil
	default:
		return x.Take(text)
	}
}

// Written is a block with settings as it stands in the source, read by its
// schema. The zero value is a block that says nothing.
type Written struct {
	// Title is how messages call the block: provider "aliyun.hangzhou".
	Title string
	// Values holds what the block says, in Go's types (see [SettingType]).
	Values map[string]any
	// Ranges says where each value stands.
	Ranges map[string]Range
	// Sensitive are the names of the values that are sensitive, as what env() reads is.
	Sensitive map[string]bool
	// Header is the block's first line; nil where no file has the block.
	Header *Range
}

// Settings reads a block with settings: what the block says, else the
// environment variable that the schema names, else a default. Mistakes gather
// in [Settings.Diagnostics], each at its own place. Make one with [NewSettings].
type Settings struct {
	block       Written
	schema      Schema
	getenv      func(string) string
	diagnostics Diagnostics
	refused     map[string]bool // variables whose mistake was told
}

// NewSettings reads a block whose values have the types that the schema states.
func NewSettings(block Written, schema Schema, getenv func(string) string) *Settings {
	return &Settings{block: block, schema: schema, getenv: getenv, refused: map[string]bool{}}
}

// Diagnostics is what was wrong so far.
func (s *Settings) Diagnostics() Diagnostics { return s.diagnostics }

// String is a setting, fallback where nothing says it. A blank one is as good as none.
func (s *Settings) String(name, fallback string) string {
	return cmp.Or(value(s, name, fallback), fallback)
}

// Bool is a setting, fallback where nothing says it.
func (s *Settings) Bool(name string, fallback bool) bool { return value(s, name, fallback) }

// Int is a setting, fallback where nothing says it.
func (s *Settings) Int(name string, fallback int) int { return value(s, name, fallback) }

// Number is a setting, fallback where nothing says it.
func (s *Settings) Number(name string, fallback float64) float64 { return value(s, name, fallback) }

// Duration is a setting, fallback where nothing says it.
func (s *Settings) Duration(name string, fallback time.Duration) time.Duration {
	return value(s, name, fallback)
}

// Strings is a setting; nil where nothing says it.
func (s *Settings) Strings(name string) []string { return value[[]string](s, name, nil) }

// Any is a setting of the type [SettingAny]; nil where the block doesn't say it.
func (s *Settings) Any(name string) any { return s.block.Values[name] }

// Said reports whether the block itself says the setting.
func (s *Settings) Said(name string) bool {
	_, said := s.block.Values[name]
	return said
}

// Getenv looks up a variable that is no setting's; "" for none.
func (s *Settings) Getenv(name string) string { return s.getenv(name) }

// Missing says that a setting is needed and nothing says it; what tells what
// it is. The block's title begins the sentence.
func (s *Settings) Missing(name, what string) {
	detail := Capital(s.block.Title) + " needs " + name + ": " + what + "."
	if variable := s.Variable(name); variable != "" {
		detail += " The variable " + variable + " says it too."
	}
	s.Mistake(name, "Missing setting", detail)
}

// Variable is the environment variable that says the setting; "" for none.
func (s *Settings) Variable(name string) string {
	x, _ := s.schema.Setting(name)
	return x.Env
}

// Mistake adds a diagnostic at the setting's place, or at the block's header
// where the block doesn't have it.
func (s *Settings) Mistake(name, summary, detail string) {
	place := s.block.Header
	if r, ok := s.block.Ranges[name]; ok {
		place = &r
	}
	s.diagnostics = append(s.diagnostics, Diagnostic{Summary: summary, Detail: detail, Subject: place})
}

// AllowPlaintext is the setting that silences the warning of
// [Settings.Plaintext], for every block that can send credentials.
func AllowPlaintext() Setting {
	return Setting{Name: "allow_plaintext", Type: SettingBool, Doc: "true: what is sent in clear to a host that isn't this machine is no warning"}
}

// Plaintext warns, at the setting's place, that what is sent could be read on
// its way; what is the beginning of the sentence. allow_plaintext = true in the
// block silences it, which a review sees.
func (s *Settings) Plaintext(name, what string) {
	if allowed, _ := s.block.Values[AllowPlaintext().Name].(bool); allowed {
		return
	}
	at := len(s.diagnostics)
	s.Mistake(name, "Credentials in clear", what+" Where the way is safe all the same, write allow_plaintext = true in the block.")
	s.diagnostics[at].Severity = Warning
}

// PlainHTTP reports whether a URL has requests sent in clear to another machine.
func PlainHTTP(u *url.URL) bool { return u.Scheme == "http" && !Loopback(u.Hostname()) }

// Loopback reports whether a host is this machine, by its name or address alone.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// value is what the block says, else its variable, else the fallback.
func value[T any](s *Settings, name string, fallback T) T {
	v, ok := s.block.Values[name]
	if !ok || v == "" {
		v, ok = s.fromEnv(name)
	}
	if !ok {
		return fallback
	}
	typed, ok := v.(T)
	if !ok { // the configuration's reader keeps to the schema
		panic(fmt.Sprintf("%s: the setting %s is a %T, not a %T", s.block.Title, name, v, fallback))
	}
	return typed
}

// fromEnv is what the first variable says that is set. What is wrong with it
// is told once.
func (s *Settings) fromEnv(name string) (any, bool) {
	x, ok := s.schema.Setting(name)
	if !ok {
		return nil, false
	}
	for _, variable := range []string{x.Env, x.TerraformEnv} {
		if variable == "" {
			continue
		}
		text := s.getenv(variable)
		if text == "" {
			continue
		}
		v, wrong := x.Parse(text)
		if wrong == nil {
			return v, true
		}
		if !s.refused[variable] {
			s.refused[variable] = true
			s.Mistake(name, wrong[0].Summary, "The variable "+variable+" of the environment says it, and "+wrong[0].Detail)
		}
		return nil, false
	}
	return nil, false
}
