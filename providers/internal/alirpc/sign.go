package alirpc

import (
	"crypto/hmac"
	"crypto/sha1" // the method that the documents name
	"encoding/base64"
	"maps"
	"slices"
	"strings"
)

// signedQuery is the query string of an RPC call: the parameters in canonical
// order, then their signature (Alibaba RPC signature 1.0; alibaba-cloud-sdk-go
// v1.63.107 sdk/auth/rpc_signature_composer.go).
func signedQuery(method, secret string, params map[string]string) string {
	query := canonical(params)
	return query + "&Signature=" + escape(signature(method, secret, query))
}

// canonical is the parameters sorted by name.
func canonical(params map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(escape(name))
		b.WriteByte('=')
		b.WriteString(escape(params[name]))
	}
	return b.String()
}

// signature signs a canonical query. The path in it is always "/", whatever
// path the request is sent to.
func signature(method, secret, query string) string {
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(method + "&%2F&" + escape(query)))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// escape is RFC 3986 percent-encoding: all but A-Z a-z 0-9 - _ . ~ as %XX.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(s) + len(s)/4)
	for i := range len(s) {
		c := s[i]
		if unreserved(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

func unreserved(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_' || c == '.' || c == '~'
}
