package described

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
)

// deepestXML is how deep elements may stand in each other.
const deepestXML = 100

// xmlText is the name of an element's own text where it has attributes or
// elements besides.
const xmlText = "_text"

var errNoXML = errors.New("it is no XML")

// declaration is the start of a document that says what the document is encoded in.
var declaration = regexp.MustCompile(`^(?:\xef\xbb\xbf)?\s*<\?xml\s[^>]{0,200}?\bencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._:-]*)["']`)

// declaredCharset is the encoding that a document declares; "" where it declares none.
// A declaration that reads as ASCII isn't in UTF-16, whatever it says of itself.
func declaredCharset(body []byte) string {
	match := declaration.FindSubmatch(body[:min(len(body), 512)])
	if match == nil || strings.HasPrefix(strings.ToLower(string(match[1])), "utf-16") {
		return ""
	}
	return string(match[1])
}

// isASCII reports whether a body reads the same in nearly every encoding.
func isASCII(body []byte) bool {
	return !slices.ContainsFunc(body, func(b byte) bool { return b >= utf8.RuneSelf || b == 0x1b })
}

// xmlDecoder reads a body that is UTF-8 by now, whatever its declaration says.
func xmlDecoder(body []byte) *xml.Decoder {
	d := xml.NewDecoder(bytes.NewReader(body))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	return d
}

// decodeXML reads a document: elements by their local name, the root included,
// texts as texts, attributes as _name. An element that comes once is itself, and
// one that comes several times is a list of them.
func decodeXML(body []byte) (cty.Value, error) {
	d := xmlDecoder(body)
	for {
		token, err := d.Token()
		if err != nil {
			return cty.NilVal, errNoXML
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		root, err := xmlElement(d, start, 0)
		if err != nil {
			return cty.NilVal, err
		}
		return cty.ObjectVal(map[string]cty.Value{start.Name.Local: root}), xmlEnds(d)
	}
}

// xmlEnds refuses a second root.
func xmlEnds(d *xml.Decoder) error {
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if _, more := token.(xml.StartElement); more || err != nil {
			return errNoXML
		}
	}
}

func xmlElement(d *xml.Decoder, start xml.StartElement, depth int) (cty.Value, error) {
	if depth > deepestXML {
		return cty.NilVal, errNoXML
	}
	parts := map[string][]cty.Value{}
	isNil := false
	for _, a := range start.Attr {
		switch {
		case a.Name.Space == "xmlns" || a.Name.Local == "xmlns":
		case a.Name.Local == "nil" && a.Value == "true":
			isNil = true
		default:
			parts["_"+a.Name.Local] = []cty.Value{cty.StringVal(a.Value)}
		}
	}
	var text strings.Builder
	for {
		token, err := d.Token()
		if err != nil {
			return cty.NilVal, errNoXML
		}
		switch token := token.(type) {
		case xml.CharData:
			text.Write(token)
		case xml.StartElement:
			v, err := xmlElement(d, token, depth+1)
			if err != nil {
				return cty.NilVal, err
			}
			parts[token.Name.Local] = append(parts[token.Name.Local], v)
		case xml.EndElement:
			if isNil {
				return cty.NullVal(cty.DynamicPseudoType), nil
			}
			return xmlValue(parts, strings.TrimSpace(text.String())), nil
		}
	}
}

func xmlValue(parts map[string][]cty.Value, text string) cty.Value {
	if len(parts) == 0 {
		return cty.StringVal(text)
	}
	attrs := make(map[string]cty.Value, len(parts)+1)
	if text != "" {
		attrs[xmlText] = cty.StringVal(text)
	}
	for name, list := range parts {
		if len(list) == 1 {
			attrs[name] = list[0]
		} else {
			attrs[name] = cty.TupleVal(list)
		}
	}
	return cty.ObjectVal(attrs)
}
