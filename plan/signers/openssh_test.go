package signers_test

import (
	"crypto"
	"crypto/dsa" //nolint:staticcheck // OpenSSH 9.2 still takes such keys; ours must not
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/pem"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/cardfleet/cardfleet/plan/signers"
)

const (
	namespace = "cardfleet-approval@v2"
	text      = "cardfleet approval v2\nfleet none\n\n"
	alice     = "alice@example.com"
)

var now = time.Date(2026, 11, 21, 20, 46, 47, 0, time.UTC)

// pen is a key that signs, in whatever way a test asks for.
type pen struct {
	name, public string // "ssh-ed25519 AAAA…"
	signer       ssh.AlgorithmSigner
	raw          []byte // the key as a signature holds it; nil: as it is
	// sign makes the inner signature; nil: as the signer does by itself.
	sign func(data []byte) *ssh.Signature
}

func line(key ssh.PublicKey) string { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) }

func penOf(t *testing.T, name string, private crypto.Signer) *pen {
	t.Helper()
	signer, err := ssh.NewSignerFromSigner(private)
	require.NoError(t, err)
	return &pen{name: name, public: line(signer.PublicKey()), signer: signer.(ssh.AlgorithmSigner)}
}

func ed25519Pen(t *testing.T, name string) *pen {
	seed := sha256.Sum256([]byte(name))
	return penOf(t, name, ed25519.NewKeyFromSeed(seed[:]))
}

func rsaPen(t *testing.T, name string, bits int) *pen {
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, bits)
	require.NoError(t, err)
	return penOf(t, name, key)
}

func ecdsaPen(t *testing.T, name string, curve elliptic.Curve) *pen {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	require.NoError(t, err)
	return penOf(t, name, key)
}

// dsaPen signs with DSA, whose signatures are of SHA-1.
func dsaPen(t *testing.T) *pen {
	var key dsa.PrivateKey
	require.NoError(t, dsa.GenerateParameters(&key.Parameters, rand.Reader, dsa.L1024N160))
	require.NoError(t, dsa.GenerateKey(&key, rand.Reader))
	signer, err := ssh.NewSignerFromKey(&key)
	require.NoError(t, err)
	return &pen{name: "dsa", public: line(signer.PublicKey()), signer: signer.(ssh.AlgorithmSigner)}
}

// hardwarePen signs as an authenticator does, touched or not.
func hardwarePen(t *testing.T, name string, flags byte) *pen {
	seed := sha256.Sum256([]byte("hardware"))
	private := ed25519.NewKeyFromSeed(seed[:])
	const kind, application = ssh.KeyAlgoSKED25519, "ssh:"
	blob := ssh.Marshal(struct {
		Name        string
		Key         []byte
		Application string
	}{kind, private.Public().(ed25519.PublicKey), application})
	return &pen{name: name, public: kind + " " + base64.StdEncoding.EncodeToString(blob), raw: blob, sign: func(data []byte) *ssh.Signature {
		of := func(b []byte) []byte { sum := sha256.Sum256(b); return sum[:] }
		tail := []byte{flags, 0, 0, 0, 7}
		signed := append(append(of([]byte(application)), tail...), of(data)...)
		return &ssh.Signature{Format: kind, Blob: ed25519.Sign(private, signed), Rest: tail}
	}}
}

// certified is the pen with a certificate of the authority in place of its key.
func certified(t *testing.T, p, authority *pen) *pen {
	cert := &ssh.Certificate{
		Key: p.signer.PublicKey(), CertType: ssh.UserCert, KeyId: alice, ValidPrincipals: []string{alice}, ValidBefore: ssh.CertTimeInfinity,
	}
	require.NoError(t, cert.SignCert(rand.Reader, authority.signer))
	return &pen{name: p.name + " certified", public: line(cert), signer: p.signer, raw: cert.Marshal()}
}

// how says how a signature differs from what ssh-keygen writes.
type how struct {
	namespace, text, hash, reserved string
	version                         uint32
	tail, inner                     string // what follows the blob, and the signature in it
	algorithm                       string
	armor                           func(string) string
}

func plain() how { return how{namespace: namespace, text: text, hash: "sha512", version: 1} }

// write signs, and armors the signature.
func (p *pen) write(t *testing.T, h how) string {
	t.Helper()
	sum512, sum256 := sha512.Sum512([]byte(h.text)), sha256.Sum256([]byte(h.text))
	digest := sum512[:]
	if h.hash == "sha256" {
		digest = sum256[:]
	}
	data := append([]byte("SSHSIG"), ssh.Marshal(struct{ Namespace, Reserved, Hash, Digest string }{h.namespace, "", h.hash, string(digest)})...)
	sig := p.inner(t, data, h.algorithm)
	key := p.raw
	if key == nil {
		key = p.signer.PublicKey().Marshal()
	}
	blob := append([]byte("SSHSIG"), ssh.Marshal(struct {
		Version                              uint32
		Key, Namespace, Reserved, Hash, Sign string
	}{h.version, string(key), h.namespace, h.reserved, h.hash, string(ssh.Marshal(sig)) + h.inner})...)
	armored := string(pem.EncodeToMemory(&pem.Block{Type: "SSH SIGNATURE", Bytes: append(blob, h.tail...)}))
	if h.armor != nil {
		armored = h.armor(armored)
	}
	return armored
}

func (p *pen) inner(t *testing.T, data []byte, algorithm string) *ssh.Signature {
	if p.sign != nil {
		return p.sign(data)
	}
	if algorithm == "" && p.signer.PublicKey().Type() == ssh.KeyAlgoRSA {
		algorithm = ssh.KeyAlgoRSASHA512
	}
	sig, err := p.signer.SignWithAlgorithm(rand.Reader, data, algorithm)
	require.NoError(t, err)
	return sig
}

// openSSH reports whether ssh-keygen takes the signature as the principal's.
func openSSH(t *testing.T, dir, file, armored, principal string) bool {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "allowed_signers"), []byte(file), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sig"), []byte(armored), 0o600))
	c := exec.Command("ssh-keygen", "-Y", "verify", "-f", "allowed_signers", "-I", principal, "-n", namespace, "-s", "sig",
		"-Overify-time="+now.Format("20060102150405")+"Z")
	c.Dir, c.Stdin, c.Env = dir, strings.NewReader(text), append(os.Environ(), "TZ=Asia/Shanghai")
	out, err := c.CombinedOutput()
	var failed *exec.ExitError
	if err != nil {
		require.ErrorAs(t, err, &failed, string(out))
	}
	return err == nil
}

// ours is whose signature the program takes it for; "" where it refuses.
func ours(file, armored string) string {
	list, err := signers.Parse([]byte(file))
	if err != nil {
		return ""
	}
	sig, err := signers.ParseSignature(armored)
	if err != nil {
		return ""
	}
	who, err := list.Signer(sig, namespace, now)
	if err != nil || !sig.Fits([]byte(text), namespace) {
		return ""
	}
	return who.Name
}

// compare holds the program against OpenSSH, and says whether both take the
// signature.
func compare(t *testing.T, dir, file, armored string) bool {
	t.Helper()
	who := ours(file, armored)
	if who == "" {
		return false
	}
	for name := range strings.SplitSeq(who, ",") {
		name = strings.NewReplacer("*", "x", "?", "y").Replace(name)
		assert.True(t, openSSH(t, dir, file, armored, name), "the program takes it as of %s, OpenSSH as of %s refuses:\n%q\n%s", who, name, file, armored)
	}
	return true
}

// part is one way to write a part of a line; both is set where the program has
// to read it, as OpenSSH does.
type part struct {
	text string
	both bool
}

func reads(texts ...string) []part   { return parts(true, texts) }
func refuses(texts ...string) []part { return parts(false, texts) }

func parts(both bool, texts []string) []part {
	out := make([]part, 0, len(texts))
	for _, text := range texts {
		out = append(out, part{text, both})
	}
	return out
}

// dimensions are the parts of a file in their order; the first of each is plain.
func dimensions(own, other, cert string) [][]part {
	kind, blob, _ := strings.Cut(own, " ")
	return [][]part{
		append(reads("", "# who may sign\n", "\n \t\n", "\t# a comment\r\n", other+"\n"),
			refuses("\ufeff", "\ufeff# a comment\n", "bob@example.com\n", "bob@example.com ssh-ed25519 AAAA\n", "bob@example.com "+cert+"\n")...),
		append(reads(alice+" ", "  "+alice+"\t", alice+" \t ", `"`+alice+`" `, `"alice smith" `, alice+",bob@example.com ", "*@example.com ", "alice?example.com ", "Alice@Example.com "),
			refuses(`"`+alice+`"`, `"`+alice+` `, `ali"ce@example.com" `, "!bob@example.com ", "*,!"+alice+" ", "!"+alice+",* ", alice+",,bob@example.com ", ", ", `"" `, `" `+alice+`" `, alice+"\u200b ", alice+"\r", alice+"\v ", "alice\x00@example.com ", "al\xffice ", "")...),
		append(reads("", `namespaces="`+namespace+`" `, `NameSpaces="git,`+namespace+"\"\t", `namespaces="*" `, `namespaces="cardfleet-*@v?" `, `namespaces="!git,*" `,
			`valid-after="20260101Z" `, `valid-after="202601010000Z",valid-before="20270101000000Z" `, `valid-before="20261121204648UTC" `, `valid-before="20270101z" `, `valid-after="20261121204647Z" `,
			`namespaces="a b,`+namespace+`" `, `namespaces="a\",`+namespace+`" `),
			refuses(`namespaces="git" `, `namespaces="" `, `namespaces="*,!`+namespace+`" `, `namespaces="!`+namespace+`,*" `, `namespaces="!cardfleet-*,*" `, `namespaces="!*" `, `namespaces="CARDFLEET-APPROVAL@V2" `,
				`namespaces="git, `+namespace+`" `, `namespaces=`+namespace+` `, `namespaces="`+namespace+` `, `namespaces='`+namespace+`' `, `namespaces "`+namespace+`" `,
				`namespaces="*",namespaces="git" `, `namespaces="git",namespaces="*" `, `namespaces="*",Namespaces="*" `, `namespaces="`+strings.Repeat("x", 1023)+`,*" `, `namespaces="*,`+strings.Repeat("x", 1023)+`" `,
				`namespaces="*"valid-before="20990101Z" `, `namespaces="*", `, `,namespaces="*" `, `namespaces="*",,valid-before="20990101Z" `,
				`valid-before="20200101" `, `valid-before="20200101Z",valid-before="20990101Z" `, `valid-before="20990101Z",valid-before="20200101Z" `, `valid-after="20990101Z",valid-after="20200101Z" `,
				`valid-before="20261122" `, `valid-before="202611220440" `, `valid-after="20261121" `, `valid-after="202611220450" `, `valid-before="20261121204646Z" `, `valid-after="20261121204648Z" `, `valid-after="20990101Z" `,
				`valid-before="19700101Z" `, `valid-before="20261301Z" `, `valid-before="20270231Z" `, `valid-before="2027-01-01Z" `, `valid-before="2027010Z" `, `valid-before="+0270101Z" `, `valid-before="20270101GMT" `, `valid-before="" `, `valid-before=20990101Z `,
				`valid-after="20260101Z",valid-before="20250101Z" `, `valid-after="20270101Z",valid-before="20260101Z" `, `cert-authority `, `cert-authority,namespaces="*" `, `CERT-AUTHORITY `, `no-touch-required `, `namespace="*" `, `restrict `)...),
		append(reads(own+"\n", own+" a comment\n", own+"\tcomment\n", own, own+"\r\n", own+" comment\r\n", kind+"\t"+blob+"\n", kind+"  "+blob+"\n",
			own+"\nbob@example.com "+strings.TrimPrefix(other, "bob@example.com ")+"\n"),
			refuses("ssh-rsa "+blob+"\n", "ssh-foo "+blob+"\n", strings.ToUpper(kind)+" "+blob+"\n", blob+"\n", kind+"\n", kind+" "+blob[:len(blob)-4]+"\n", kind+" "+blob+"AAAA\n", kind+" "+strings.Replace(blob, "A", "-", 1)+"\n",
				cert+"\n", strings.TrimPrefix(other, "bob@example.com ")+"\n", kind+" "+blob+"\x00\n", "\n"+own+"\n", kind+"\r"+blob+"\n", kind+" "+blob[:20]+"\r"+blob[20:]+"\n")...),
	}
}

// TestALineThatOpenSSHRefusesCountsForNothing walks each way to write each part
// of a line alone, and then many of them together.
func TestALineThatOpenSSHRefusesCountsForNothing(t *testing.T) {
	needsOpenSSH(t)
	dir := t.TempDir()
	own, bob, authority := ed25519Pen(t, "alice"), ed25519Pen(t, "bob"), ed25519Pen(t, "authority")
	armored := own.write(t, plain())
	all := dimensions(own.public, "bob@example.com "+bob.public, certified(t, own, authority).public)
	file := func(chosen []int) string {
		var b strings.Builder
		for i, j := range chosen {
			b.WriteString(all[i][j].text)
		}
		return b.String()
	}
	accepted := 0
	for i := range all {
		for j, p := range all[i] {
			chosen := make([]int, len(all))
			chosen[i] = j
			took := compare(t, dir, file(chosen), armored)
			assert.Equal(t, p.both, took, "%q", file(chosen))
		}
	}
	random := mathrand.New(mathrand.NewPCG(14, 1))
	for range 1000 {
		chosen := make([]int, len(all))
		for i := range all {
			chosen[i] = random.IntN(len(all[i]))
			for !all[i][chosen[i]].both && random.IntN(4) > 0 { // most are readable, so that many lines are
				chosen[i] = random.IntN(len(all[i]))
			}
		}
		if compare(t, dir, file(chosen), armored) {
			accepted++
		}
	}
	assert.Greater(t, accepted, 100, "so few lines were taken that the comparison says little")
}

func needsOpenSSH(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Fatal("this test needs OpenSSH's ssh-keygen (Debian's package openssh-client)")
	}
}

// TestASignatureThatOpenSSHRefusesCountsForNothing walks keys and ways to write
// a signature, each under a line that lists its key.
func TestASignatureThatOpenSSHRefusesCountsForNothing(t *testing.T) {
	needsOpenSSH(t)
	dir := t.TempDir()
	own, authority, long := ed25519Pen(t, "alice"), ed25519Pen(t, "authority"), rsaPen(t, "rsa", 2048)
	cert := certified(t, own, authority)
	with := func(change func(*how)) how { h := plain(); change(&h); return h }
	replaced := func(old, by string) func(*how) {
		return func(h *how) { h.armor = func(s string) string { return strings.Replace(s, old, by, 1) } }
	}
	for name, row := range map[string]struct {
		pen    *pen
		how    how
		listed string // the line; "": alice and the pen's key
		takes  bool
	}{
		"ed25519":                           {pen: own, how: plain(), takes: true},
		"sha256":                            {pen: own, how: with(func(h *how) { h.hash = "sha256" }), takes: true},
		"rsa":                               {pen: long, how: plain(), takes: true},
		"rsa, SHA-256":                      {pen: long, how: with(func(h *how) { h.algorithm = ssh.KeyAlgoRSASHA256 }), takes: true},
		"rsa, SHA-1":                        {pen: long, how: with(func(h *how) { h.algorithm = ssh.KeyAlgoRSA })},
		"rsa of 1024 bits":                  {pen: rsaPen(t, "short", 1024), how: plain()},
		"dsa":                               {pen: dsaPen(t), how: plain()},
		"ecdsa 256":                         {pen: ecdsaPen(t, "p256", elliptic.P256()), how: plain(), takes: true},
		"ecdsa 384":                         {pen: ecdsaPen(t, "p384", elliptic.P384()), how: plain(), takes: true},
		"ecdsa 521":                         {pen: ecdsaPen(t, "p521", elliptic.P521()), how: plain(), takes: true},
		"authenticator, touched":            {pen: hardwarePen(t, "sk", 1), how: plain(), takes: true},
		"authenticator, not touched":        {pen: hardwarePen(t, "sk", 0), how: plain()},
		"another namespace":                 {pen: own, how: with(func(h *how) { h.namespace = "git" })},
		"first namespace":                   {pen: own, how: with(func(h *how) { h.namespace = "cardfleet-approval@v1" })},
		"namespace with a NUL":              {pen: own, how: with(func(h *how) { h.namespace = namespace + "\x00" })},
		"another text":                      {pen: own, how: with(func(h *how) { h.text = text + "x" })},
		"hash sha1":                         {pen: own, how: with(func(h *how) { h.hash = "sha1" })},
		"hash sha384":                       {pen: own, how: with(func(h *how) { h.hash = "sha384" })},
		"hash in capitals":                  {pen: own, how: with(func(h *how) { h.hash = "SHA512" })},
		"version 0":                         {pen: own, how: with(func(h *how) { h.version = 0 })},
		"version 2":                         {pen: own, how: with(func(h *how) { h.version = 2 })},
		"reserved field":                    {pen: own, how: with(func(h *how) { h.reserved = "x" })},
		"bytes after it":                    {pen: own, how: with(func(h *how) { h.tail = "x" })},
		"bytes after what is in it":         {pen: own, how: with(func(h *how) { h.inner = "x" })},
		"CRLF":                              {pen: own, how: with(func(h *how) { h.armor = func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") } })},
		"header":                            {pen: own, how: with(replaced("-----\n", "-----\nComment: x\n\n"))},
		"no end":                            {pen: own, how: with(replaced("-----END SSH SIGNATURE-----", ""))},
		"text before it":                    {pen: own, how: with(replaced("-----BEGIN", "x\n-----BEGIN"))},
		"damaged":                           {pen: own, how: with(replaced("SIGNATURE-----\nU", "SIGNATURE-----\nV"))},
		"by a key that isn't listed":        {pen: authority, how: plain(), listed: alice + " " + own.public},
		"certificate, its key listed":       {pen: cert, how: plain(), listed: alice + " " + own.public},
		"certificate listed":                {pen: cert, how: plain()},
		"certificate, its authority listed": {pen: cert, how: plain(), listed: alice + " cert-authority " + authority.public},
		"certificate, the authority's key":  {pen: cert, how: plain(), listed: alice + " " + authority.public},
		"the key, authority listed as such": {pen: own, how: plain(), listed: alice + " cert-authority " + own.public},
		"second line of the key counts":     {pen: own, how: plain(), listed: alice + ` namespaces="git" ` + own.public + "\n" + alice + " " + own.public, takes: true},
	} {
		t.Run(name, func(t *testing.T) {
			listed := row.listed
			if listed == "" {
				listed = alice + " " + row.pen.public
			}
			assert.Equal(t, row.takes, compare(t, dir, listed+"\n", row.pen.write(t, row.how)))
		})
	}
}

// TestOpenSSHTakesWhatTheProgramSigns is the other way round.
func TestOpenSSHTakesWhatTheProgramSigns(t *testing.T) {
	needsOpenSSH(t)
	for _, p := range []*pen{ed25519Pen(t, "alice"), rsaPen(t, "rsa", 2048), ecdsaPen(t, "p256", elliptic.P256())} {
		armored, err := signers.Sign([]byte(text), p.signer, namespace)
		require.NoError(t, err)
		file := alice + " " + p.public + "\n"
		assert.True(t, openSSH(t, t.TempDir(), file, string(armored), alice), p.name)
		assert.Equal(t, alice, ours(file, string(armored)), p.name)
	}
}

func FuzzParse(f *testing.F) {
	key := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDsfEmtHJXKm3VwGCHtrZ2JDlVHz3O+vkIYwrLSoCWqk"
	for _, seed := range []string{
		"# who\nalice@example.com " + key + "\n", `"alice smith" namespaces="a,!b",valid-after="20260101Z" ` + key, "a,b*\t" + key + " comment\r\n", "alice cert-authority " + key, "\ufeff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		list, err := signers.Parse(file)
		if err != nil {
			return
		}
		for _, l := range list.Lines() {
			assert.Positive(t, l.Number)
			assert.True(t, strings.HasPrefix(l.Fingerprint, "SHA256:"))
			assert.NotEmpty(t, strings.TrimSpace(l.Principals))
			assert.NotContains(t, l.Principals, "!")
			assert.NotContains(t, l.Principals, "\n")
		}
		// A copy of each line is of the same people.
		again, err := signers.Parse(append(append(file, '\n'), file...))
		require.NoError(t, err)
		assert.Len(t, again.Lines(), 2*len(list.Lines()))
	})
}

func FuzzParseSignature(f *testing.F) {
	f.Add("-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n")
	f.Fuzz(func(t *testing.T, armored string) {
		if sig, err := signers.ParseSignature(armored); err == nil {
			assert.NotEmpty(t, sig.Fingerprint())
		}
	})
}
