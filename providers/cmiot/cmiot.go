// Package cmiot is China Mobile's OneLink (中国移动物联网), API v2 and v5.
//
// Both report a card's status and its packages. v5 also says who stopped a card
// and which device it is in, stops and resumes, and lists the cards of the
// account's groups; v2 changes nothing. Neither reads or sets a binding.
//
// cmiot.go is what a block may say, v2.go, v5.go, change.go, batch.go and list.go
// what the program calls, api.go and token.go the requests, decode.go the
// replies, codes.go what their codes mean, convert.go their words in ours.
//
// Facts are cited as in docs/carriers.md: CMIOT_API2002 is the carrier's own
// page of that name; PHP-V5, PHP-V2, IOTOS and TLINKS are public clients, and
// COTONDA a reseller's copy of the table of codes. What only those say is called
// KNOWN*; what is called a GUESS is in none of them.
package cmiot

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

const (
	// defaultEndpoint is the documented host; /v2/… and /v5/ec/… follow it.
	defaultEndpoint = "https://api.iot.10086.cn"

	// defaultCooldown is how long after a change of a card the carrier refuses
	// the next: 10 minutes in the manual of 2019, 30 in that of 2020, 3 in a list
	// of 2024. KNOWN*, so it is a setting.
	defaultCooldown = 30 * time.Minute

	// settle is how long a change may take to show. GUESS: a change is answered
	// with the number of an order, which the carrier carries out by itself.
	settle = 5 * time.Minute

	// longestAppID leaves room for 14 digits of time and 8 of serial in a
	// transid of at most 48 characters ("不可超过48位", CMIOT_API2002).
	longestAppID = 48 - 14 - 8
)

// defaults are GUESSES, but for the timeout, which is that of the carrier's own
// sample in Java (CMIOT_API2002): limits exist, and no number is published.
func defaults() providers.Limits {
	return providers.Limits{RequestsPerSecond: 20, MaxInFlight: 16, Timeout: 25 * time.Second, Retries: 4}
}

// Type is the provider "cmiot".
func Type() providers.Type {
	return providers.Type{Schema: schema(), Open: open, Facts: "v2 official, v5 of clients"}
}

func schema() spec.Schema {
	return spec.Schema{Type: "cmiot", Account: "appid", Endpoint: defaultEndpoint, Settings: []spec.Setting{
		{Name: "appid", Type: spec.SettingString, Env: "CMIOT_APPID", Doc: "id of the application that the carrier assigned"},
		{Name: "password", Type: spec.SettingString, Env: "CMIOT_PASSWORD", Secret: true, Doc: "password that came with the appid"},
		{Name: "api_version", Type: spec.SettingString, Doc: `"v5", the default, or "v2", which changes nothing`},
		{Name: "ebid", Type: spec.SettingAny, Doc: "v2 only: the ability's code that came with the appid, or a map from function to code"},
		{Name: "write_cooldown", Type: spec.SettingDuration, Doc: `how long after a change of a card the carrier refuses the next, "30m" unless said`},
	}}
}

func open(config spec.ProviderConfig, env providers.Env) (providers.Provider, spec.Diagnostics) {
	s := providers.NewSettings(config, schema(), env.Getenv)
	a := readAccount(s, env)
	version := apiVersion(s)
	ebids := readEbids(s)
	cooldown := s.Duration("write_cooldown", defaultCooldown)
	if d := s.Diagnostics(); d.HasErrors() {
		return nil, d
	}
	a.Veil.Add(a.appid, a.password)
	a.serial.Store(randomSerial(env.Random))
	if version == "v2" {
		return &v2{account: a, ebids: ebids}, s.Diagnostics()
	}
	return newV5(a, cooldown), s.Diagnostics()
}

// readAccount reads what both versions share.
func readAccount(s *providers.Settings, env providers.Env) *account {
	limits := s.Limits(defaults())
	a := &account{
		appid:    s.Credential("appid"),
		password: s.Credential("password"),
		endpoint: s.URL("endpoint", defaultEndpoint),
		env:      env,
		codes:    meanings(),
	}
	a.Client = carriercall.New(limits, env, a.endpoint, a.appid)
	if len(a.appid) > longestAppID {
		s.Mistake("appid", "Invalid appid", fmt.Sprintf(
			"The appid has %d characters. It may have %d at most, since it begins every transid, which may have 48 (CMIOT_API2002).", len(a.appid), longestAppID))
	}
	return a
}

func apiVersion(s *providers.Settings) string {
	version := s.String("api_version", "v5")
	if version != "v2" && version != "v5" {
		s.Mistake("api_version", "Invalid api_version", fmt.Sprintf(`api_version is %q; it must be "v5" or "v2".`, version))
	}
	return version
}

// defaultEbids are the ability codes that public clients of v2 use (PHP-V2,
// CMIOT2). KNOWN*: the carrier assigns them "同appid一起" (CMIOT_API2002, whose own
// four samples for one function differ), so they are a setting.
func defaultEbids() map[string]string {
	return map[string]string{
		callStatusV2:   "0001000000009", // CMIOT_API2002
		callPackagesV2: "0001000000264", // CMIOT_API2037
	}
}

// readEbids reads the setting: one code for every function, or a map from
// function to code, of which the functions that it leaves out keep their default.
func readEbids(s *providers.Settings) map[string]string {
	ebids := defaultEbids()
	switch v := s.Any("ebid").(type) {
	case nil:
	case string:
		for function := range ebids {
			ebids[function] = v
		}
	case map[string]any:
		for _, function := range slices.Sorted(maps.Keys(v)) {
			if wrong := setEbid(ebids, function, v[function]); wrong != "" {
				s.Mistake("ebid", "Invalid ebid", wrong)
			}
		}
	default:
		s.Mistake("ebid", "Invalid ebid", ebidRule)
	}
	if slices.Contains(slices.Collect(maps.Values(ebids)), "") {
		s.Mistake("ebid", "Invalid ebid", "An ebid is blank. "+ebidRule)
	}
	return ebids
}

const ebidRule = `ebid must be a string such as "0001000000009", or a map from function to such a string. Write it in quotes: as a number it would lose its leading zeros.`

func setEbid(ebids map[string]string, function string, value any) (wrong string) {
	if _, ok := ebids[function]; !ok {
		names := strings.Join(slices.Sorted(maps.Keys(ebids)), " and ")
		return fmt.Sprintf("ebid names the function %q, which is not called. Those that are: %s.", function, names)
	}
	code, ok := value.(string)
	if !ok {
		return fmt.Sprintf("The ebid of %s is no string. %s", function, ebidRule)
	}
	ebids[function] = code
	return ""
}
