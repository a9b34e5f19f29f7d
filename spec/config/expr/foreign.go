package expr

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/table"
)

// foreign says why a text is no table that csvdecode reads, and which command
// makes one of the file that it came from; nil where nothing is against it.
func (in *Inputs) foreign(text string) error {
	form := table.Recognise([]byte(text[:min(len(text), table.HeadBytes)]))
	cause := form.Cause()
	if cause == "" || form.Kind == table.Empty {
		return nil
	}
	cause = strings.TrimSuffix(cause, ".")
	if name := in.origin(text); name != "" {
		return fmt.Errorf("%s: %s. %s", name, cause, strings.TrimSuffix(form.Mend(name), "."))
	}
	return errors.New(cause)
}

// notUTF8 says what a file is whose content is no UTF-8.
func notUTF8(path string, content []byte) error {
	form := table.Recognise(content)
	if form.Kind == table.Text && (form.Encoding == table.UTF8 || form.Encoding == table.Unknown) {
		return fmt.Errorf("contents of %q are not valid UTF-8", path)
	}
	mend := form.Mend(path)
	if slices.Contains([]string{".json", ".yaml", ".yml"}, strings.ToLower(filepath.Ext(path))) {
		mend = "Save it as UTF-8."
	}
	return fmt.Errorf("contents of %q are not valid UTF-8. %s %s", path, form.Cause(), strings.TrimSuffix(mend, "."))
}

// Missing ends the text about an attribute that a value lacks, with the one that
// was most likely meant; "" where none is near.
func Missing(d *hcl.Diagnostic) string {
	if d.Summary != "Unsupported attribute" || d.Expression == nil || d.EvalContext == nil {
		return ""
	}
	for _, t := range d.Expression.Variables() {
		name, names := missingStep(t, d.EvalContext)
		if name == "" || !strings.Contains(d.Detail, fmt.Sprintf("%q", name)) {
			continue
		}
		if near := spec.DidYouMean(name, names); near != "" {
			return near
		}
		for _, n := range names {
			if table.Meaning(n) == name {
				return fmt.Sprintf(" Column %q seems to be it: rename it to %s.", n, name)
			}
		}
	}
	return ""
}

// missingStep is the step of a traversal that its value lacks, and what it has.
func missingStep(t hcl.Traversal, ctx *hcl.EvalContext) (name string, names []string) {
	for i := 1; i < len(t); i++ {
		v, diags := t[:i].TraverseAbs(ctx)
		if diags.HasErrors() {
			return "", nil
		}
		v, _ = v.Unmark()
		if step := StepName(t[i-1 : i+1]); step != "" && v.Type().IsObjectType() && !v.Type().HasAttribute(step) {
			return step, slices.Sorted(maps.Keys(v.Type().AttributeTypes()))
		}
		if v.Type() == cty.DynamicPseudoType {
			return "", nil
		}
	}
	return "", nil
}
