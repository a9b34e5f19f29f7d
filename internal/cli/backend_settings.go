package cli

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/spec"
)

// settings are those of a backend block, and of the environment where the
// block leaves one out. It collects what is wrong with them.
type settings struct {
	env      *Env
	backend  spec.Backend
	prefixes []string // of variables, the first one that is set counts
	diags    spec.Diagnostics
}

func newSettings(env *Env, b spec.Backend, prefixes ...string) *settings {
	return &settings{env: env, backend: b, prefixes: prefixes}
}

// unknownSettings refuses settings that the type of backend doesn't have.
func unknownSettings(b spec.Backend) error {
	known, ok := backendSettings()[b.Type]
	if !ok {
		return nil
	}
	var diags spec.Diagnostics
	for _, name := range slices.Sorted(maps.Keys(b.Settings)) {
		if !slices.Contains(known, name) {
			diags = append(diags, spec.Diagnostic{
				Summary: "Unknown setting", Subject: b.Source,
				Detail: fmt.Sprintf("Backend %q has no setting %q.%s", b.Type, name, didYouMean(name, known, "")),
			})
		}
	}
	if len(diags) > 0 {
		return mistakes(diags)
	}
	return nil
}

// value is what the block says, or a variable; nil for neither.
func (s *settings) value(name string) any {
	if v, ok := s.backend.Settings[name]; ok {
		return v
	}
	for _, prefix := range s.prefixes {
		if v := s.env.getenv(prefix + strings.ToUpper(name)); v != "" {
			return v
		}
	}
	return nil
}

func (s *settings) text(name string) string {
	switch v := s.value(name).(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		s.complain("Unsuitable value", "%s must be a text.", name)
		return ""
	}
}

// count is a whole number that isn't negative.
func (s *settings) count(name string, standard int) int {
	n := float64(standard)
	switch v := s.value(name).(type) {
	case nil:
	case float64:
		n = v
	case string:
		var err error
		if n, err = strconv.ParseFloat(v, 64); err != nil {
			n = -1
		}
	default:
		n = -1
	}
	if n < 0 || n != math.Trunc(n) || n > math.MaxInt32 {
		s.complain("Unsuitable value", "%s must be a whole number, 0 or more.", name)
		return standard
	}
	return int(n)
}

func (s *settings) seconds(name string, standard int) time.Duration {
	return time.Duration(s.count(name, standard)) * time.Second
}

func (s *settings) truth(name string) bool {
	switch v := s.value(name).(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		if b, err := strconv.ParseBool(v); err == nil {
			return b
		}
	}
	s.complain("Unsuitable value", "%s must be true or false.", name)
	return false
}

// required complains where neither the block nor a variable says it.
func (s *settings) required(name, what string) {
	if v := s.value(name); v != nil && v != "" {
		return
	}
	s.complain("Missing setting", "Backend %q needs %s: %s. The variable %s%s says it too.",
		s.backend.Type, name, what, s.prefixes[0], strings.ToUpper(name))
}

func (s *settings) complain(summary, detail string, args ...any) {
	s.diags = append(s.diags, spec.Diagnostic{Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: s.backend.Source})
}

// wrong is all that was complained about; nil for nothing.
func (s *settings) wrong() error {
	if len(s.diags) == 0 {
		return nil
	}
	return mistakes(s.diags)
}

// invalid is what the backend itself says of its settings.
func (s *settings) invalid(err error) error {
	s.complain("Invalid backend", "%s.", spec.Capital(err.Error()))
	return s.wrong()
}
