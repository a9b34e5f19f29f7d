package alirpcsim

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1" // the documented method
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Signatures are written from the documents, not taken from our client, so that
// a mistake in one doesn't hide in the other.

// Signature is what a call in the RPC style is to be signed with (RPC signature
// 1.0): q is every parameter, of the address and of the form.
func Signature(method, secret string, q url.Values) string {
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(stringToSign(method, q)))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func stringToSign(method string, q url.Values) string {
	signed := maps.Clone(q)
	signed.Del("Signature")
	return method + "&" + percent("/") + "&" + percent(canonical(signed))
}

// canonical is parameters, percent-encoded and by name.
func canonical(q url.Values) string {
	var pairs []string
	for name, values := range q {
		pairs = append(pairs, percent(name)+"="+percent(values[0]))
	}
	slices.SortFunc(pairs, func(a, b string) int {
		nameA, _, _ := strings.Cut(a, "=")
		nameB, _, _ := strings.Cut(b, "=")
		return cmp.Compare(nameA, nameB)
	})
	return strings.Join(pairs, "&")
}

// percent is url.QueryEscape with the three differences that the document
// lists: a space is %20, * is %2A, ~ stays.
func percent(s string) string {
	return strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(url.QueryEscape(s))
}

// acs3 is the algorithm of the newer signature (签名机制 V3, ALIDOC
// product-overview/v3-request-structure-and-signature).
const acs3 = "ACS3-HMAC-SHA256"

// authorization is what the header of that name says.
type authorization struct {
	algorithm, credential, signature string
	signed                           []string // names of headers
}

func parseAuthorization(header string) (a authorization) {
	algorithm, rest, _ := strings.Cut(header, " ")
	a.algorithm = algorithm
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			a.credential = value
		case "SignedHeaders":
			a.signed = strings.Split(value, ";")
		case "Signature":
			a.signature = value
		}
	}
	return a
}

// canonicalRequest is method, path, sorted query, signed headers, their names
// and the body's hash, each on a line. An RPC product's path is always "/".
func (c *call) canonicalRequest(signed []string) string {
	lines := []string{c.method, "/", canonical(c.query)}
	for _, name := range signed {
		lines = append(lines, name+":"+c.headerValue(name))
	}
	lines = append(lines, "", strings.Join(signed, ";"), hashed(c.body))
	return strings.Join(lines, "\n")
}

// headerValue is a header's values, trimmed, by order, joined by commas.
func (c *call) headerValue(name string) string {
	if name == "host" {
		return c.host
	}
	values := slices.Clone(c.header[http.CanonicalHeaderKey(name)])
	for i := range values {
		values[i] = strings.TrimSpace(values[i])
	}
	slices.Sort(values)
	return strings.Join(values, ",")
}

// acs3Signature signs what acs3StringToSign says.
func acs3Signature(secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

func acs3StringToSign(canonicalRequest string) string {
	return acs3 + "\n" + hashed([]byte(canonicalRequest))
}

// hashed is SHA-256 in hexadecimal digits.
func hashed(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
