package expr

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// BOM is the byte-order mark that spreadsheets and editors put in front of UTF-8.
const BOM = "\uFEFF"

// hashFunction makes a function that writes a hash of a string in hexadecimal.
func hashFunction(newHash func() hash.Hash) function.Function {
	return textFunction(cty.String, []string{"str"}, func(args []string) (cty.Value, error) {
		h := newHash()
		_, _ = io.WriteString(h, args[0]) // a hash never fails
		return cty.StringVal(hex.EncodeToString(h.Sum(nil))), nil
	})
}

var (
	md5Func    = hashFunction(md5.New)
	sha1Func   = hashFunction(sha1.New)
	sha256Func = hashFunction(sha256.New)
	sha512Func = hashFunction(sha512.New)
)

var base64EncodeFunc = textFunction(cty.String, []string{"str"}, func(args []string) (cty.Value, error) {
	return cty.StringVal(base64.StdEncoding.EncodeToString([]byte(args[0]))), nil
})

var base64DecodeFunc = textFunction(cty.String, []string{"str"}, func(args []string) (cty.Value, error) {
	raw, err := base64.StdEncoding.DecodeString(args[0])
	if err != nil {
		return cty.NilVal, errors.New("failed to decode base64 data: it is not valid base64")
	}
	if !utf8.Valid(raw) {
		return cty.NilVal, errors.New("the result of decoding the provided string is not valid UTF-8")
	}
	return cty.StringVal(string(raw)), nil
})
