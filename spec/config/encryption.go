package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// loadEncryption reads with what state and plan files are encrypted. Whether a
// key is one, its reader finds out.
func (l *loader) loadEncryption(b *hcl.Block) {
	content, diags := b.Body.Content(encryptionSchema())
	failed := l.report.HCL(diags)
	later := spec.UnsetValue{For: spec.ForEncryption}
	s := settings{loader: l, attributes: content.Attributes, later: later}
	e := spec.Encryption{EncryptionKey: s.encryptionKey(), Source: rangeOf(b.DefRange)}
	e.Recipients, _ = s.texts("recipients")
	e.Enforced, _ = s.bool("enforced")
	for _, nested := range content.Blocks {
		content, diags := nested.Body.Content(previousSchema())
		failed = l.report.HCL(diags) || failed
		e.Previous = append(e.Previous, settings{loader: l, attributes: content.Attributes, later: later}.encryptionKey())
	}
	if !failed {
		s.checkEncryption(b, &e)
	}
	l.fleet.Encryption = &e
}

// encryptionKey is what opens files. Identities that are null are left out: an
// identity may come from an environment variable that is set on some machines only.
func (s settings) encryptionKey() spec.EncryptionKey {
	for _, name := range []string{"identities", "passphrase"} {
		if a := s.attributes[name]; a != nil {
			s.rememberKeys(a)
		}
	}
	k := spec.EncryptionKey{Ranges: map[string]spec.Range{}}
	for name, a := range s.attributes {
		k.Ranges[name] = *rangeOf(a.Expr.Range())
		elements, _ := hcl.ExprList(a.Expr) // none of what is no list as it is written
		for i, e := range elements {
			k.Ranges[fmt.Sprintf("%s[%d]", name, i)] = *rangeOf(e.Range())
		}
	}
	k.Passphrase, _ = s.filled("passphrase")
	list, ok := s.convert("identities", cty.List(cty.String))
	if !ok {
		return k
	}
	for _, e := range list.AsValueSlice() {
		if !e.IsNull() && strings.TrimSpace(e.AsString()) != "" {
			k.Identities = append(k.Identities, e.AsString())
		}
	}
	return k
}

// rememberKeys notes the secrets in an attribute: all but paths.
func (s settings) rememberKeys(a *hcl.Attribute) {
	v, diags := a.Expr.Value(s.scope.Context())
	if diags.HasErrors() {
		return
	}
	expr.EachText(v, func(text string) {
		if a.Name == "passphrase" || spec.IsSecretKey(text) {
			s.report.secrets.RememberText(text)
		}
	})
}

func (s settings) checkEncryption(b *hcl.Block, e *spec.Encryption) {
	a := s.attributes
	if wrapped := spec.Wrapped(e.Passphrase); wrapped != "" {
		s.wrong("passphrase", "Unusable value", "passphrase %s Where files are encrypted with it as it is, put it into a previous block.", wrapped)
	}
	switch {
	case a["recipients"] != nil && a["passphrase"] != nil:
		s.report.ErrorAt(b.DefRange, "Two kinds of encryption", "Files are encrypted for recipients or with a passphrase, not both. "+
			"To change from one to the other, put the old one into a previous block.")
	case a["recipients"] == nil && a["passphrase"] == nil:
		s.report.ErrorAt(b.DefRange, "Encryption without a key", "The block says with what to encrypt: either recipients, with the identities that open it, or passphrase.")
	case a["recipients"] != nil && a["identities"] == nil:
		s.report.ErrorAt(b.DefRange, "Encryption that nobody here could open", "recipients are public keys. To read the state again, "+
			`name the secret key of one of them: identities = ["~/.ssh/id_ed25519"], or identities = [env("STATE_KEY")].`)
	case a["recipients"] != nil && e.Recipients != nil && len(e.Recipients) == 0:
		s.wrong("recipients", "Empty recipients", "recipients names nobody. Name at least one public key, or leave the encryption block out.")
	}
}
