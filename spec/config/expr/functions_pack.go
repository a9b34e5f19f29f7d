package expr

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/url"
	"unicode/utf8"

	ctyencoding "github.com/hashicorp/go-cty-funcs/encoding"
	ctyuuid "github.com/hashicorp/go-cty-funcs/uuid"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/ianaindex"
)

// mostUnpacked is how many bytes base64gunzip gives at most: a few kilobytes can
// be packed from gigabytes.
const mostUnpacked = 64 << 20

// packFunctions write texts in other forms, and read them.
func packFunctions() map[string]function.Function {
	return map[string]function.Function{
		"base64gunzip": base64GunzipFunc, "base64gzip": base64GzipFunc,
		"base64sha256": base64Hash(sha256.New), "base64sha512": base64Hash(sha512.New),
		"textdecodebase64": textDecodeBase64Func, "textencodebase64": textEncodeBase64Func,
		"urldecode": urlDecodeFunc, "urlencode": ctyencoding.URLEncodeFunc, "uuidv5": ctyuuid.V5Func,
	}
}

// base64Hash makes a function that writes the bytes of a text's hash in base64.
func base64Hash(newHash func() hash.Hash) function.Function {
	return textFunction(cty.String, []string{"str"}, func(args []string) (cty.Value, error) {
		h := newHash()
		_, _ = io.WriteString(h, args[0]) // a hash never fails
		return cty.StringVal(base64.StdEncoding.EncodeToString(h.Sum(nil))), nil
	})
}

// base64GzipFunc flushes the text before the end, as Terraform's does, so that the
// bytes are Terraform's where both are built with one release of Go: how it packs
// changes from release to release.
var base64GzipFunc = textFunction(cty.String, []string{"str"}, func(args []string) (cty.Value, error) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := io.WriteString(w, args[0])
	if err := errors.Join(err, w.Flush(), w.Close()); err != nil {
		return cty.NilVal, err
	}
	return cty.StringVal(base64.StdEncoding.EncodeToString(packed.Bytes())), nil
})

var base64GunzipFunc = textFunction(cty.String, []string{"str"}, func(args []string) (cty.Value, error) {
	packed, err := base64.StdEncoding.DecodeString(args[0])
	if err != nil {
		return cty.NilVal, errors.New("failed to decode base64 data: it is not valid base64")
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return cty.NilVal, unpackError(err)
	}
	text, err := io.ReadAll(io.LimitReader(r, mostUnpacked+1))
	switch {
	case err != nil:
		return cty.NilVal, unpackError(err)
	case len(text) > mostUnpacked:
		return cty.NilVal, fmt.Errorf("it unpacks to more than %d MiB; read such a text from a file", mostUnpacked>>20)
	case !utf8.Valid(text):
		return cty.NilVal, errors.New("the result of unpacking the provided string is not valid UTF-8")
	}
	return cty.StringVal(string(text)), nil
})

func unpackError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("failed to unpack gzip data: it is cut off")
	}
	return fmt.Errorf("failed to unpack gzip data: %w", err)
}

var urlDecodeFunc = textFunction(cty.String, []string{"str"}, func(args []string) (cty.Value, error) {
	text, err := url.QueryUnescape(args[0])
	switch {
	case err != nil:
		return cty.NilVal, fmt.Errorf("failed to decode URL: %w", err)
	case !utf8.ValidString(text):
		return cty.NilVal, errors.New("the result of decoding the provided string is not valid UTF-8")
	}
	return cty.StringVal(text), nil
})

// charset finds an encoding of texts by its IANA name.
func charset(name string) (encoding.Encoding, error) {
	found, err := ianaindex.IANA.Encoding(name)
	if err != nil || found == nil {
		return nil, function.NewArgErrorf(1, "%q is not a supported IANA encoding name or alias; there are UTF-16LE, GBK, Big5, Shift_JIS, ISO-8859-1 and others", name)
	}
	return found, nil
}

var textEncodeBase64Func = textFunction(cty.String, []string{"string", "encoding"}, func(args []string) (cty.Value, error) {
	as, err := charset(args[1])
	if err != nil {
		return cty.NilVal, err
	}
	encoded, err := as.NewEncoder().String(args[0])
	if err != nil {
		return cty.NilVal, function.NewArgErrorf(0, "the given string contains characters that cannot be represented in %s", args[1])
	}
	return cty.StringVal(base64.StdEncoding.EncodeToString([]byte(encoded))), nil
})

var textDecodeBase64Func = textFunction(cty.String, []string{"source", "encoding"}, func(args []string) (cty.Value, error) {
	as, err := charset(args[1])
	if err != nil {
		return cty.NilVal, err
	}
	raw, err := base64.StdEncoding.DecodeString(args[0])
	var corrupt base64.CorruptInputError
	if errors.As(err, &corrupt) {
		return cty.NilVal, function.NewArgErrorf(0, "the given value has an invalid base64 symbol at offset %d", int(corrupt))
	}
	text, err := as.NewDecoder().Bytes(raw)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return cty.NilVal, function.NewArgErrorf(0, "the given string contains symbols that are not defined for %s", args[1])
	}
	return cty.StringVal(string(text)), nil
})
