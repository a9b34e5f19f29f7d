package alirpc

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1" // the method that the documents name
	"encoding/base64"
	"hash"
	"net/http"
	"slices"
	"sync"
)

// param is a parameter of a call.
type param struct{ name, value string }

// signer signs the calls of one access key. Many goroutines may use it at once.
type signer struct{ kept sync.Pool }

// signing is what a signature is worked out with: a MAC that has the key already,
// and room for what is signed.
type signing struct {
	mac  hash.Hash
	text []byte
}

func newSigner(secret string) *signer {
	key := []byte(secret + "&")
	return &signer{kept: sync.Pool{New: func() any { return &signing{mac: hmac.New(sha1.New, key)} }}}
}

// query is the query string of a call by POST: the parameters in canonical order,
// in which it leaves them, then their signature (Alibaba RPC signature 1.0;
// alibaba-cloud-sdk-go v1.63.107 sdk/auth/rpc_signature_composer.go).
func (s *signer) query(params []param) string {
	q := appendCanonical(make([]byte, 0, 512), params)
	signature := s.signature(http.MethodPost, q)
	q = append(q, "&Signature="...)
	return string(appendEscaped(q, signature))
}

// signature signs a canonical query. The path in it is always "/", whatever
// path the request is sent to.
func (s *signer) signature(method string, query []byte) []byte {
	k := s.kept.Get().(*signing)
	defer s.kept.Put(k)
	k.text = append(append(k.text[:0], method...), "&%2F&"...)
	k.text = appendEscaped(k.text, query)
	k.mac.Reset()
	k.mac.Write(k.text)
	return base64.StdEncoding.AppendEncode(nil, k.mac.Sum(k.text[:0]))
}

// appendCanonical appends the parameters, sorted by name.
func appendCanonical(q []byte, params []param) []byte {
	slices.SortFunc(params, func(a, b param) int { return cmp.Compare(a.name, b.name) })
	for i, p := range params {
		if i > 0 {
			q = append(q, '&')
		}
		q = append(appendEscaped(q, p.name), '=')
		q = appendEscaped(q, p.value)
	}
	return q
}

// appendEscaped is RFC 3986 percent-encoding: all but A-Z a-z 0-9 - _ . ~ as %XX.
func appendEscaped[T string | []byte](b []byte, s T) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		if c := s[i]; unreserved(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}

func unreserved(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_' || c == '.' || c == '~'
}
