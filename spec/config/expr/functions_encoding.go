package expr

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
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

// csvDecodeFunc has the results of cty's csvdecode, and reads the rows once,
// not twice. A text that is another kind of table is an error that says which, and
// rows of commas at the end are left out.
func csvDecodeFunc(in *Inputs) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "str", Type: cty.String}},
		Type:   function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if err := in.foreign(args[0].AsString()); err != nil {
				return cty.NilVal, err
			}
			return csvDecode(args[0].AsString())
		},
	})
}

func csvDecode(text string) (cty.Value, error) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, BOM)))
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return cty.NilVal, errors.New("missing header line")
	}
	if err != nil {
		return cty.NilVal, csvError(err)
	}
	row := map[string]cty.Type{}
	for _, name := range header {
		if _, twice := row[name]; twice {
			return cty.NilVal, fmt.Errorf("duplicate column name %q", name)
		}
		row[name] = cty.String
	}
	return csvRows(r, header, cty.Object(row))
}

// jsonDecodeFunc is cty's, and takes a byte-order mark, as the others do.
var jsonDecodeFunc = withoutBOM(stdlib.JSONDecodeFunc)

// withoutBOM is a function of one text that takes a byte-order mark away from it.
func withoutBOM(f function.Function) function.Function {
	bare := func(args []cty.Value) []cty.Value {
		if !args[0].IsKnown() {
			return args
		}
		return []cty.Value{cty.StringVal(strings.TrimPrefix(args[0].AsString(), BOM))}
	}
	return function.New(&function.Spec{
		Params: f.Params(),
		Type:   func(args []cty.Value) (cty.Type, error) { return f.ReturnTypeForValues(bare(args)) },
		Impl:   func(args []cty.Value, _ cty.Type) (cty.Value, error) { return f.Call(bare(args)) },
	})
}

func csvRows(r *csv.Reader, header []string, row cty.Type) (cty.Value, error) {
	var rows []cty.Value
	blank := 0 // rows at the end
	for {
		cols, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return cty.NilVal, csvError(err)
		}
		vals := make(map[string]cty.Value, len(cols))
		for i, text := range cols {
			vals[header[i]] = cty.StringVal(text)
		}
		rows = append(rows, cty.ObjectVal(vals))
		if blank++; len(cols) == 1 || slices.ContainsFunc(cols, func(text string) bool { return text != "" }) {
			blank = 0
		}
	}
	rows = rows[:len(rows)-blank]
	if len(rows) == 0 {
		return cty.ListValEmpty(row), nil
	}
	return cty.ListVal(rows), nil
}

func csvError(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("CSV parse error on line %d: %w", parse.Line, parse.Err)
	}
	return err
}
