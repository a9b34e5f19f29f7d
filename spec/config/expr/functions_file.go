package expr

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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

// templateFileFunction renders a template file with variables of its own. A
// template can't call templatefile again: it could never end.
func templateFileFunction(in *Inputs, funcs map[string]function.Function) function.Function {
	render := func(args []cty.Value) (cty.Value, error) {
		expr, err := in.template(args[0].AsString())
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
			{Name: "path", Type: cty.String},
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
	expr, diags := hclsyntax.ParseTemplate([]byte(text), path, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	return expr, nil
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
