package signers

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// parseOptions reads the options of a line: name="value", parted by commas.
func (l *Line) parseOptions(text string) error {
	seen := map[string]bool{}
	for rest := text; ; {
		name, value, after, err := cutOption(rest)
		if err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("the option %s stands there twice: delete one of the two", name)
		}
		seen[name] = true
		if err := l.option(name, value); err != nil {
			return err
		}
		if after == "" {
			break
		}
		rest = after[1:] // behind the comma
	}
	if !l.After.IsZero() && !l.Before.IsZero() && !l.After.Before(l.Before) {
		return errors.New("valid-before is not later than valid-after, so the key is never valid")
	}
	return nil
}

// cutOption takes an option off a list; rest begins with a comma where more follow.
func cutOption(text string) (name, value, rest string, err error) {
	end := strings.IndexAny(text, `=,"`)
	if end < 0 {
		end = len(text)
	}
	name = strings.ToLower(text[:end])
	switch name {
	case "namespaces", "valid-after", "valid-before":
	case "cert-authority":
		return "", "", "", errors.New("a certificate authority is not supported: name the signers' own keys")
	case "":
		return "", "", "", fmt.Errorf("an option is missing in %q", text)
	default:
		return "", "", "", fmt.Errorf("%q is neither an option (namespaces, valid-after, valid-before) nor a type of key", text[:end])
	}
	quoted, found := strings.CutPrefix(text[end:], `="`)
	if !found {
		return "", "", "", fmt.Errorf(`the value of %s stands in quotes: %s="…"`, name, name)
	}
	value, rest, err = dequote(quoted)
	if err == nil && rest != "" && rest[0] != ',' {
		err = fmt.Errorf("after %s a comma or a space is missing", name)
	}
	return name, value, rest, err
}

// dequote reads up to the quote that ends a value; \" is a quote inside it.
func dequote(text string) (value, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == '"':
			b.WriteByte('"')
			i++
		case text[i] == '"':
			return b.String(), text[i+1:], nil
		default:
			b.WriteByte(text[i])
		}
	}
	return "", "", errors.New("a quote is missing at the end of an option's value")
}

func (l *Line) option(name, value string) error {
	var err error
	switch name {
	case "namespaces":
		l.Namespaces = &value
	case "valid-after":
		l.After, err = parseTime(value)
	case "valid-before":
		l.Before, err = parseTime(value)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// parseTime reads YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS in UTC. OpenSSH takes
// a time without a zone as the local one, another on each machine.
func parseTime(s string) (time.Time, error) {
	digits, zoned := s, false
	for _, zone := range []string{"Z", "UTC"} {
		if n := len(s) - len(zone); n > 0 && strings.EqualFold(s[n:], zone) {
			digits, zoned = s[:n], true
		}
	}
	const layout = "20060102150405"
	n := len(digits)
	if n != 8 && n != 12 && n != 14 || strings.Trim(digits, "0123456789") != "" {
		return time.Time{}, fmt.Errorf("%q is no time: write YYYYMMDDZ or YYYYMMDDHHMM[SS]Z", s)
	}
	t, err := time.Parse(layout[:n], digits)
	switch {
	case err != nil || t.Unix() <= 0:
		return time.Time{}, fmt.Errorf("%q is no time: write YYYYMMDDZ or YYYYMMDDHHMM[SS]Z", s)
	case !zoned:
		return time.Time{}, fmt.Errorf("%q has no zone, so it would mean another moment on another machine: write %sZ, in UTC", s, s)
	default:
		return t, nil
	}
}
