package expr

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// fileFunctions read files; their paths start at the configuration's folder.
func fileFunctions(in *Inputs) map[string]function.Function {
	return map[string]function.Function{
		"abspath": textFunction(cty.String, []string{"path"}, func(args []string) (cty.Value, error) {
			path, err := filepath.Abs(Absolute(in.dir, args[0]))
			return cty.StringVal(filepath.ToSlash(path)), err
		}),
		"basename": textFunction(cty.String, []string{"path"}, func(args []string) (cty.Value, error) {
			return cty.StringVal(filepath.Base(args[0])), nil
		}),
		"dirname": textFunction(cty.String, []string{"path"}, func(args []string) (cty.Value, error) {
			return cty.StringVal(filepath.ToSlash(filepath.Dir(args[0]))), nil
		}),
		"file": textFunction(cty.String, []string{"path"}, func(args []string) (cty.Value, error) {
			text, err := in.readText(args[0])
			if err != nil {
				return cty.NilVal, err
			}
			v := cty.StringVal(text)
			in.noteText(args[0], v.AsString())
			return v, nil
		}),
		"fileexists": textFunction(cty.Bool, []string{"path"}, func(args []string) (cty.Value, error) {
			return in.exists(args[0])
		}),
		"fileset": textFunction(cty.Set(cty.String), []string{"path", "pattern"}, func(args []string) (cty.Value, error) {
			return in.match(args[0], args[1])
		}),
	}
}

// fileHashFunctions are about a file's bytes, whatever they are. A file is hashed
// as it is read, so it may be of any size.
func fileHashFunctions(in *Inputs) map[string]function.Function {
	all := map[string]function.Function{
		"filebase64": textFunction(cty.String, []string{"path"}, func(args []string) (cty.Value, error) {
			content, err := in.Read(args[0])
			if err != nil {
				return cty.NilVal, FileError(args[0], err)
			}
			return cty.StringVal(base64.StdEncoding.EncodeToString(content)), nil
		}),
	}
	add := func(name string, newHash func() hash.Hash, write func([]byte) string) {
		all[name] = textFunction(cty.String, []string{"path"}, func(args []string) (cty.Value, error) {
			h := newHash()
			if err := in.copyTo(h, args[0]); err != nil {
				return cty.NilVal, FileError(args[0], err)
			}
			return cty.StringVal(write(h.Sum(nil))), nil
		})
	}
	add("filemd5", md5.New, hex.EncodeToString)
	add("filesha1", sha1.New, hex.EncodeToString)
	add("filesha256", sha256.New, hex.EncodeToString)
	add("filesha512", sha512.New, hex.EncodeToString)
	add("filebase64sha256", sha256.New, base64.StdEncoding.EncodeToString)
	add("filebase64sha512", sha512.New, base64.StdEncoding.EncodeToString)
	return all
}

// pathExpandFunction puts the home folder in the place of a ~ that a path begins
// with, as a shell does: the environment's HOME, or Windows's USERPROFILE.
func pathExpandFunction(w World) function.Function {
	return textFunction(cty.String, []string{"path"}, func(args []string) (cty.Value, error) {
		rest, found := strings.CutPrefix(args[0], "~")
		switch {
		case !found:
			return cty.StringVal(args[0]), nil
		case rest != "" && rest[0] != '/' && rest[0] != filepath.Separator:
			return cty.NilVal, errors.New("cannot expand user-specific home dir")
		}
		for _, name := range []string{"HOME", "USERPROFILE"} {
			if home, ok := w.Env(name); ok && home != "" {
				return cty.StringVal(filepath.ToSlash(filepath.Join(home, rest))), nil
			}
		}
		return cty.NilVal, errors.New("the environment variable HOME is not set, so nobody knows what ~ is")
	})
}

// readText is a file's content, which must be UTF-8.
func (in *Inputs) readText(path string) (string, error) {
	content, err := in.Read(path)
	if err != nil {
		return "", FileError(path, err)
	}
	if !utf8.Valid(content) {
		return "", notUTF8(path, content)
	}
	return string(content), nil
}

// FileError says in the user's words why a file can't be read.
func FileError(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no file exists at %q; paths start at the configuration's folder", path)
	}
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err // the path in it is the absolute one, which differs from machine to machine
	}
	return fmt.Errorf("cannot read %q: %w", path, err)
}

func (in *Inputs) exists(path string) (cty.Value, error) {
	if _, open := in.unsaved[Absolute(in.dir, path)]; open {
		return cty.True, nil
	}
	info, err := os.Stat(Absolute(in.dir, path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return cty.False, nil
	case err != nil:
		return cty.NilVal, FileError(path, err)
	case info.IsDir():
		return cty.NilVal, fmt.Errorf("%q is a directory, not a file", path)
	}
	return cty.True, nil
}

// match lists the files below path whose name fits the pattern.
func (in *Inputs) match(path, pattern string) (cty.Value, error) {
	re, err := compileGlob(pattern)
	if err != nil {
		return cty.NilVal, function.NewArgError(1, err)
	}
	root := Absolute(in.dir, path)
	var found []cty.Value
	err = filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if rel = filepath.ToSlash(rel); err == nil && re.MatchString(rel) {
			found = append(found, cty.StringVal(rel))
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cty.NilVal, FileError(path, err)
	}
	if len(found) == 0 {
		return cty.SetValEmpty(cty.String), nil
	}
	return cty.SetVal(found), nil
}

// templateFunctions render templates with variables of their own and the other
// functions. A template can't render another one: it could never end.
func templateFunctions(in *Inputs, others map[string]function.Function) map[string]function.Function {
	within := maps.Clone(others)
	within["templatefile"], within["templatestring"] = nestedFunc, nestedFunc
	within = withCore(within)
	return map[string]function.Function{
		"templatefile": templateFunction("path", within, in.template),
		"templatestring": templateFunction("template", within, func(text string) (hclsyntax.Expression, error) {
			if len(text) > longestTemplate {
				return nil, function.NewArgErrorf(0, "the template has more than %d KiB; templatefile renders a file", longestTemplate>>10)
			}
			return parseTemplate(text, "templatestring")
		}),
	}
}

// nestedFunc stands in a template for what renders templates.
var nestedFunc = function.New(&function.Spec{
	VarParam: &function.Parameter{Name: "args", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true},
	Type:     func([]cty.Value) (cty.Type, error) { return cty.NilType, errNested },
	Impl:     func([]cty.Value, cty.Type) (cty.Value, error) { return cty.NilVal, errNested },
})

// templateFunction makes a function that renders what parse makes of its first argument.
func templateFunction(first string, funcs map[string]function.Function, parse func(string) (hclsyntax.Expression, error)) function.Function {
	render := func(args []cty.Value) (cty.Value, error) {
		expr, err := parse(args[0].AsString())
		if err != nil {
			return cty.NilVal, err
		}
		vars, err := templateVars(args[1])
		if err != nil {
			return cty.NilVal, err
		}
		ctx := &hcl.EvalContext{Variables: vars, Functions: funcs}
		v, diags := expr.Value(ctx)
		if diags.HasErrors() {
			HideValues(diags, expr, ctx)
			return cty.NilVal, diags
		}
		return v, nil
	}
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: first, Type: cty.String},
			{Name: "vars", Type: cty.DynamicPseudoType},
		},
		Type: func(args []cty.Value) (cty.Type, error) {
			if !args[0].IsKnown() || !args[1].IsKnown() {
				return cty.DynamicPseudoType, nil
			}
			v, err := render(args)
			return v.Type(), err
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return render(args) },
	})
}

func (in *Inputs) template(path string) (hclsyntax.Expression, error) {
	text, err := in.readText(path)
	if err != nil {
		return nil, err
	}
	return parseTemplate(text, path)
}

func templateVars(v cty.Value) (map[string]cty.Value, error) {
	if ty := v.Type(); !ty.IsMapType() && !ty.IsObjectType() {
		return nil, function.NewArgErrorf(1, "invalid vars value: must be a map")
	}
	vars := map[string]cty.Value{}
	for name, value := range v.AsValueMap() {
		if !hclsyntax.ValidIdentifier(name) {
			return nil, function.NewArgErrorf(1, "invalid template variable name %q: must start with a letter, "+
				"followed by zero or more letters, digits, and underscores", name)
		}
		vars[name] = value
	}
	return vars, nil
}
