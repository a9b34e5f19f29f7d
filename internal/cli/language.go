package cli

import (
	"cmp"
	"strings"

	"github.com/cardfleet/cardfleet/spec/lang"
)

const (
	langOption = "lang"
	langUsage  = "the language of what people read: `zh|en`; unless said that of CARDFLEET_LANG, else the locale's"
	langEnv    = "CARDFLEET_LANG"
)

// languageOf is what a person reads: of the option -lang, which may stand before or
// behind the command, else of CARDFLEET_LANG, else of the locale. In CI the locale is the
// machine's and nobody's wish.
func languageOf(args []string, getenv func(string) string) (lang.Language, error) {
	if name, given := optionIn(args, langOption); given {
		return namedLanguage("-"+langOption, name)
	}
	if name := getenv(langEnv); name != "" {
		return namedLanguage(langEnv, name)
	}
	if getenv("CI") != "" {
		return lang.Language{}, nil
	}
	return lang.OfLocale(cmp.Or(getenv("LC_ALL"), getenv("LC_MESSAGES"), getenv("LANG"))), nil
}

func namedLanguage(from, name string) (lang.Language, error) {
	l, err := lang.Of(name)
	if err != nil {
		return l, refuse("Unknown language", "%s=%s names none of the languages that there are: %s.", from, name, strings.Join(lang.Names(), ", "))
	}
	return l, nil
}

// optionIn is the last value of an option, before the arguments are parsed: what is wrong
// with them is to be said in the language too.
func optionIn(args []string, option string) (value string, given bool) {
	for i, arg := range args {
		if arg == "--" {
			break
		}
		name := strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-")
		if name == arg {
			continue
		}
		if v, ok := strings.CutPrefix(name, option+"="); ok {
			value, given = v, true
		} else if name == option && i+1 < len(args) {
			value, given = args[i+1], true
		}
	}
	return value, given
}

// InLanguage tells what is said besides a command's output, as the run with these
// arguments tells everything.
func InLanguage(args []string, getenv func(string) string) func(text string) string {
	l, err := languageOf(args, getenv)
	if err != nil {
		l = lang.Language{} // the run says what is wrong
	}
	return l.Text
}
