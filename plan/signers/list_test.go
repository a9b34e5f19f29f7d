package signers_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan/signers"
)

// TestOnePersonIsOneHoweverListed counts the people of whom three keys are.
func TestOnePersonIsOneHoweverListed(t *testing.T) {
	pens := []*pen{ed25519Pen(t, "one"), ed25519Pen(t, "two"), ed25519Pen(t, "three")}
	for name, row := range map[string]struct {
		file   string // 1, 2 and 3 stand for the keys
		people int
	}{
		"three people":                  {"a 1\nb 2\nc 3\n", 3},
		"one name":                      {"a 1\na 2\nc 3\n", 2},
		"one name in another case":      {"alice@example.com 1\nALICE@Example.com 2\nc 3\n", 2},
		"one name by the Kelvin sign":   {"kim 1\n\u212aim 2\nc 3\n", 2},
		"one name, more spaces":         {"\"alice smith\" 1\n\"alice  smith\" 2\nc 3\n", 2},
		"one key under two names":       {"a 1\nb 1\nb 2\nc 3\n", 2},
		"a chain of names and keys":     {"a 1\nb 1\nb 2\nc 2\nc 3\n", 1},
		"a chain that closes late":      {"a 1\nb 2\nc 3\nd 1\nd 2\nD 3\n", 1},
		"a name in a list":              {"a,b 1\nB 2\nc 3\n", 2},
		"the key of a line for another": {"a namespaces=\"git\" 1\nb 1\na 2\nc 3\n", 2},
	} {
		t.Run(name, func(t *testing.T) {
			file := row.file
			for i, p := range pens {
				file = strings.ReplaceAll(file, " "+string(rune('1'+i))+"\n", " "+p.public+"\n")
			}
			list, err := signers.Parse([]byte(file))
			require.NoError(t, err)
			people := map[int]bool{}
			for _, p := range pens {
				sig, err := signers.ParseSignature(p.write(t, plain()))
				require.NoError(t, err)
				who, err := list.Signer(sig, namespace, now)
				require.NoError(t, err)
				people[who.Person] = true
			}
			assert.Len(t, people, row.people)
		})
	}
}

func TestWhereSeveralMustApproveALineNamesOnePerson(t *testing.T) {
	p := ed25519Pen(t, "alice")
	for principals, fine := range map[string]bool{"alice@example.com": true, `"alice smith"`: true, "a,b": false, "*@example.com": false, "alic?": false} {
		list, err := signers.Parse([]byte("# one\n" + principals + " " + p.public))
		require.NoError(t, err)
		if fine {
			assert.NoError(t, list.OneNameALine(), principals)
		} else {
			assert.ErrorContains(t, list.OneNameALine(), "line 2: ", principals)
		}
	}
}

func TestALineThatCannotBeReadIsAnErrorWithItsNumber(t *testing.T) {
	key := ed25519Pen(t, "alice").public
	kind, blob, _ := strings.Cut(key, " ")
	for text, want := range map[string]string{
		"alice":                                 "line 3: a line is: a name, then options where there are some, then a public key",
		"!alice " + key:                         `line 3: "!alice" says who doesn't sign with this key: say who does`,
		"a,,b " + key:                           `line 3: a name is empty in "a,,b"`,
		`"alice ` + key:                         "line 3: the quoted name at its beginning doesn't end",
		"al\u202eice " + key:                    "line 3: the character U+202E can't be seen: delete it",
		"al\xe9ice " + key:                      "line 3: the file is not UTF-8: byte 0xe9",
		`alice valid-before="20270101" ` + key:  `line 3: alice: valid-before: "20270101" has no zone, so it would mean another moment on another machine: write 20270101Z, in UTC`,
		`alice valid-before="20261301Z" ` + key: `line 3: alice: valid-before: "20261301Z" is no time: write YYYYMMDDZ or YYYYMMDDHHMM[SS]Z`,
		`alice valid-before="20270101Z",Valid-Before="20280101Z" ` + key: "line 3: alice: the option valid-before stands there twice: delete one of the two",
		`alice valid-after="20270101Z",valid-before="20260101Z" ` + key:  "line 3: alice: valid-before is not later than valid-after, so the key is never valid",
		`alice namespaces=git ` + key:                                    `line 3: alice: the value of namespaces stands in quotes: namespaces="…"`,
		`alice namespaces="git ` + key:                                   "line 3: alice: a quote is missing at the end of an option's value",
		`alice namespaces="a"namespaces="b" ` + key:                      "line 3: alice: after namespaces a comma or a space is missing",
		"alice cert-authority " + key:                                    "line 3: alice: a certificate authority is not supported: name the signers' own keys",
		"alice restrict " + key:                                          `line 3: alice: "restrict" is neither an option (namespaces, valid-after, valid-before) nor a type of key`,
		"alice " + kind + " " + blob[:8]:                                 "line 3: the key of alice: it is damaged: ssh: short read",
		"alice ssh-rsa " + blob:                                          "line 3: the key of alice: it is of type ssh-ed25519, but ssh-rsa stands before it",
		"alice ssh-dss " + blob:                                          "line 3: the key of alice: it signs with SHA-1, which doesn't count: make another with ssh-keygen -t ed25519",
		"alice ssh-rsa-cert-v01@openssh.com " + blob:                     "line 3: the key of alice: it is a certificate, which is not supported: name the signer's own key",
	} {
		_, err := signers.Parse([]byte("# one\n# two\n" + text + "\n"))
		assert.EqualError(t, err, want, text)
	}
	_, err := signers.Parse([]byte("\ufeffalice " + key))
	assert.ErrorContains(t, err, "line 1: the file begins with a byte-order mark")
	_, err = signers.Parse([]byte("alice " + rsaPen(t, "short", 1024).public))
	assert.EqualError(t, err, "line 1: the key of alice: an RSA key of 1024 bits is too short: 2048 or more count")
}
