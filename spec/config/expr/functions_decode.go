package expr

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	ctyyaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	"go.yaml.in/yaml/v3"
)

// decodeFunctions read lists out of texts. They have Terraform's results, but
// refuse what would lose rows or digits without a word, and note which files
// held nothing.
func decodeFunctions(in *Inputs) map[string]function.Function {
	return map[string]function.Function{
		"csvdecode":  decodeFunc("str", in, in.decodeCSV),
		"jsondecode": decodeFunc("str", in, in.decodeJSON),
		"yamldecode": decodeFunc("src", in, in.decodeYAML),
	}
}

// decodeFunc makes a function of a text, which may begin with a byte-order
// mark.
func decodeFunc(parameter string, in *Inputs, decode func(text string) (cty.Value, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: parameter, Type: cty.String}},
		Type:   function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			whole := args[0].AsString()
			v, err := decode(whole)
			if err != nil {
				return cty.NilVal, err
			}
			in.noteOdd(whole)
			if empty(v) {
				in.noteEmpty(whole)
			}
			return v, nil
		},
	})
}

// empty reports whether a value is a list or a map that holds nothing.
func empty(v cty.Value) bool {
	ty := v.Type()
	return !v.IsNull() && (ty.IsCollectionType() || ty.IsTupleType() || ty.IsObjectType()) && v.LengthInt() == 0
}

// decodeCSV has the results of cty's csvdecode, and reads the rows once, not
// twice. A text that is another kind of table is an error that says which, and
// rows of commas at the end are left out.
func (in *Inputs) decodeCSV(text string) (cty.Value, error) {
	if err := in.foreign(text); err != nil {
		return cty.NilVal, err
	}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, BOM)))
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return cty.NilVal, errors.New("missing header line")
	}
	if err != nil {
		return cty.NilVal, in.within(text, csvError(err))
	}
	row := map[string]cty.Type{}
	for _, name := range header {
		if _, twice := row[name]; twice {
			return cty.NilVal, fmt.Errorf("duplicate column name %q", name)
		}
		row[name] = cty.String
	}
	v, err := csvRows(r, header, cty.Object(row))
	return v, in.within(text, err)
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

func (in *Inputs) decodeJSON(text string) (cty.Value, error) {
	v, err := stdlib.JSONDecodeFunc.Call([]cty.Value{cty.StringVal(strings.TrimPrefix(text, BOM))})
	if err != nil {
		return cty.NilVal, in.within(text, jsonError(strings.TrimPrefix(text, BOM), err))
	}
	return v, in.within(text, checkJSONKeys(strings.TrimPrefix(text, BOM)))
}

// jsonError says where and why a text is no JSON, of which cty's reader says
// only "EOF" where a file was cut off.
func jsonError(text string, err error) error {
	var syntax *json.SyntaxError
	if !errors.As(json.Unmarshal([]byte(text), new(json.RawMessage)), &syntax) {
		return err
	}
	line := lineAt(text, min(syntax.Offset, int64(len(text))))
	switch {
	case strings.TrimSpace(text) == "":
		return errors.New("it is empty; a list without cards is []")
	case strings.HasPrefix(syntax.Error(), "unexpected end"):
		return fmt.Errorf("it ends within a value, in line %d; the file may be cut off", line)
	case strings.HasSuffix(syntax.Error(), "after top-level value"):
		return fmt.Errorf("line %d: more than one value; a file with a value a line (JSON Lines) wants [ and ] around them, and commas between", line)
	}
	return fmt.Errorf("line %d: %w", line, syntax)
}

// checkJSONKeys finds a key that stands twice in one object, of which JSON's
// readers keep the last.
func checkJSONKeys(text string) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	type level struct {
		keys map[string]int64 // of an object: where each stands; nil for an array
		key  bool             // a key is next
	}
	var open []level
	for {
		token, err := d.Token()
		if err != nil {
			return nil //nolint:nilerr // the end, or a mistake that was reported before
		}
		top := len(open) - 1
		switch token {
		case json.Delim('{'):
			open = append(open, level{keys: map[string]int64{}, key: true})
			continue
		case json.Delim('['):
			open = append(open, level{})
			continue
		case json.Delim('}'), json.Delim(']'):
			open = open[:top]
			top--
		default:
			if top >= 0 && open[top].key {
				name, at := token.(string), d.InputOffset()
				if first, twice := open[top].keys[name]; twice {
					return doubled(name, lineAt(text, first), lineAt(text, at))
				}
				open[top].keys[name], open[top].key = at, false
				continue
			}
		}
		if top >= 0 {
			open[top].key = open[top].keys != nil // a value ended
		}
	}
}

// within names the file that a text came from in an error about it.
func (in *Inputs) within(text string, err error) error {
	path := in.origin(text)
	if err == nil || path == "" {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

func lineAt(text string, at int64) int { return 1 + strings.Count(text[:at], "\n") }

func doubled(key string, first, second int) error {
	return fmt.Errorf("the key %q stands twice in one map: in line %d and in line %d; the first would be lost, so delete one of the two", key, first, second)
}

func (in *Inputs) decodeYAML(text string) (cty.Value, error) {
	v, err := ctyyaml.YAMLDecodeFunc.Call([]cty.Value{cty.StringVal(text)})
	if err != nil {
		return cty.NilVal, in.within(text, err)
	}
	var node yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader([]byte(text))).Decode(&node); err != nil {
		return v, nil //nolint:nilerr // what is no YAML was reported before; this reader is only asked for lines
	}
	return v, in.within(text, checkYAML(&node))
}

// checkYAML finds keys that stand twice in one map, of which the last would be
// kept, and numbers without quotes that lose their leading zeros or were meant
// as keys.
func checkYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		if longNumber(n) && n.Value[0] == '0' {
			return fmt.Errorf("line %d: %s is a number, and a number loses its leading zero: write it in quotes", n.Line, n.Value)
		}
		return nil
	}
	if n.Kind == yaml.MappingNode {
		keys := make(map[string]int, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			if first, twice := keys[k.Value]; twice {
				return doubled(k.Value, first, k.Line)
			}
			keys[k.Value] = k.Line
			if longNumber(k) {
				return fmt.Errorf("line %d: the key %s is a number in place of a text: write it in quotes, since a number loses its leading zeros", k.Line, k.Value)
			}
		}
	}
	for _, child := range n.Content { // an alias has none: what it stands for is checked where it is written
		if err := checkYAML(child); err != nil {
			return err
		}
	}
	return nil
}

// shortestNumber is how many digits a number without quotes has at least that
// is taken for an identifier: of a card, a device or a subscriber.
const shortestNumber = 8

// longNumber reports whether a scalar without quotes is digits only, and as many
// of them as identifiers have.
func longNumber(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) == 0 &&
		isLongNumber(n.Value)
}

func isLongNumber(text string) bool {
	return len(text) >= shortestNumber && strings.Trim(text, "0123456789") == ""
}
