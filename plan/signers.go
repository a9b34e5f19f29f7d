package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Signer is one line of an OpenSSH allowed_signers file (ssh-keygen(1),
// "ALLOWED SIGNERS"): a key, and whose approvals it makes.
type Signer struct {
	Principal  string
	Key        ssh.PublicKey
	Namespaces []string  // patterns; none: any
	After      time.Time // zero: always was valid
	Before     time.Time // zero: never ends
}

// ParseSigners reads an allowed_signers file. Times without a Z are taken as
// UTC. A line that it can't read is an error with its number: a signer who is
// left out by mistake must not go unnoticed.
func ParseSigners(file []byte) ([]Signer, error) {
	var list []Signer
	number := 0
	for line := range strings.Lines(string(file)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s, err := parseSigner(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		list = append(list, s)
	}
	return list, nil
}

func parseSigner(line string) (Signer, error) {
	principals, rest, ok := strings.Cut(line, " ")
	if quoted, found := strings.CutPrefix(line, `"`); found {
		principals, rest, ok = strings.Cut(quoted, `"`)
	}
	if !ok || principals == "" {
		return Signer{}, fmt.Errorf("a line is: principal, then options where there are some, then a public key")
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(strings.TrimSpace(rest)))
	if err != nil {
		return Signer{}, fmt.Errorf("the public key of %s can't be read: %w", principals, err)
	}
	s := Signer{Principal: principals, Key: key}
	for _, option := range options {
		if err := s.option(option); err != nil {
			return Signer{}, err
		}
	}
	return s, nil
}

func (s *Signer) option(option string) error {
	name, value, _ := strings.Cut(option, "=")
	value = strings.Trim(value, `"`)
	var err error
	switch strings.ToLower(name) {
	case "namespaces":
		s.Namespaces = strings.Split(value, ",")
	case "valid-after":
		s.After, err = parseValidity(value)
	case "valid-before":
		s.Before, err = parseValidity(value)
	case "cert-authority":
		return fmt.Errorf("%s is a certificate authority, which is not supported: name the signers' own keys", s.Principal)
	default:
		return fmt.Errorf("option %q of %s is not known", name, s.Principal)
	}
	return err
}

// parseValidity reads YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with a Z or without.
func parseValidity(s string) (time.Time, error) {
	digits := strings.TrimSuffix(s, "Z")
	const layout = "20060102150405"
	if n := len(digits); n == 8 || n == 12 || n == 14 {
		if t, err := time.Parse(layout[:n], digits); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: write YYYYMMDD, or YYYYMMDDHHMM[SS], with a Z for UTC", s)
}

// refuses says why the line doesn't stand for a signature for namespace at
// now; "" where it does.
func (s Signer) refuses(namespace string, now time.Time) string {
	listed := len(s.Namespaces) == 0 || slices.ContainsFunc(s.Namespaces, func(pattern string) bool { return Glob(pattern, Namespace) })
	switch {
	case namespace != Namespace:
		return fmt.Sprintf("the signature of %s is for namespace %q, not for %s", s.Principal, namespace, Namespace)
	case !listed:
		return fmt.Sprintf("%s is in allowed_signers for %s only, not for %s", s.Principal, strings.Join(s.Namespaces, ", "), Namespace)
	case !s.After.IsZero() && now.Before(s.After):
		return fmt.Sprintf("the key of %s is valid from %s on", s.Principal, s.After.Format("2006-01-02 15:04 UTC"))
	case !s.Before.IsZero() && !now.Before(s.Before):
		return fmt.Sprintf("the key of %s was valid until %s", s.Principal, s.Before.Format("2006-01-02 15:04 UTC"))
	default:
		return ""
	}
}

// Glob reports whether pattern matches all of s: * stands for any characters,
// ? for one; everything else, brackets included, is itself.
func Glob(pattern, s string) bool {
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == s[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}
