package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// besideTerraform is what -rows and -skip know the work beside Terraform by.
const besideTerraform = "beside Terraform"

// The values of -terraform that name no program.
const (
	installed = "installed" // what is in PATH
	none      = "none"
)

// The columns of the table beside Terraform.
const (
	oursColumn      = "cardfleet"
	terraformColumn = "Terraform"
	tofuColumn      = "OpenTofu"
)

// besideSizes are the fleets that are measured beside Terraform, in cards.
func besideSizes() []int { return []int{100, 1000} }

// step is a piece of the work beside Terraform, which every program does in
// this order.
type step struct {
	name string
	// ours and theirs are the arguments; a program without any has nothing to do.
	ours, theirs []string
}

func besideSteps() []step {
	return []step{
		{name: "`init`", theirs: []string{"init", "-input=false"}},
		{name: "`plan -refresh=false`, a first run", ours: []string{"plan", "-refresh=false"}, theirs: []string{"plan", "-refresh=false", "-input=false"}},
		{name: "`apply -refresh=false`, a first run", ours: []string{"apply", "-refresh=false", "-auto-approve"}, theirs: []string{"apply", "-refresh=false", "-input=false", "-auto-approve"}},
		{name: "`plan -refresh=false`, no change", ours: []string{"plan", "-refresh=false"}, theirs: []string{"plan", "-refresh=false", "-input=false"}},
	}
}

// besideName is a step's line in the table.
func besideName(s step, n int) string { return fmt.Sprintf("%s, %s cards", s.name, thousands(n)) }

// peer is a program that is measured beside this one.
type peer struct {
	column, version, path string
}

// saysVersion is how Terraform and OpenTofu begin to say their version.
var saysVersion = regexp.MustCompile(`^(Terraform|OpenTofu) v(\S+)`)

// peers are the programs that the option names: those in PATH, none, or a list of
// them. What is named has to be there, and to be Terraform or OpenTofu.
func peers(ctx context.Context, option string) ([]peer, error) {
	names, found := strings.Split(option, ","), []peer(nil)
	switch option {
	case none:
		return nil, nil
	case installed:
		names = []string{"tofu", "terraform"}
	}
	for _, name := range names {
		path, err := exec.LookPath(name)
		if errors.Is(err, exec.ErrNotFound) && option == installed {
			continue
		}
		if err == nil {
			path, err = filepath.Abs(path)
		}
		if err != nil {
			return nil, fmt.Errorf("-terraform: %w", err)
		}
		p, err := peerAt(ctx, path)
		if err != nil {
			return nil, fmt.Errorf("-terraform: %w", err)
		}
		if slices.ContainsFunc(found, func(q peer) bool { return q.column == p.column }) {
			return nil, fmt.Errorf("-terraform: %s is a second %s: name one", path, p.column)
		}
		found = append(found, p)
	}
	return found, nil
}

// peerAt asks a program which one it is.
func peerAt(ctx context.Context, path string) (peer, error) {
	cmd := interruptible(ctx, path, "version")
	cmd.Env = besideEnv("")
	out, err := cmd.Output()
	if err != nil {
		return peer{}, fmt.Errorf("%s version: %w", path, err)
	}
	said := saysVersion.FindSubmatch(bytes.TrimSpace(out))
	if said == nil {
		return peer{}, fmt.Errorf("%s doesn't say that it is Terraform or OpenTofu", path)
	}
	return peer{column: string(said[1]), version: string(said[2]), path: path}, nil
}

// besideEnv is the environment of Terraform and OpenTofu: nothing that somebody set
// for them, and no asking for newer versions. The settings are a file; "" is none.
func besideEnv(settings string) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TF_") })
	return append(env, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_CLI_CONFIG_FILE="+settings)
}

// comparison is what was measured beside Terraform.
type comparison struct {
	peers []peer
	took  map[string]map[string]used // medians, by column and line
}

// onceIsEnough is how long a program may take for all steps at one size and be measured
// more than once. Terraform takes about one for 1,000 cards where nothing else runs.
const onceIsEnough = 3 * time.Minute

// terraform measures the work beside Terraform: by this program, and by those that
// are to be measured beside it. They take turns.
func (s *session) terraform(ctx context.Context) error {
	s.results.comparison = comparison{peers: s.peers, took: map[string]map[string]used{}}
	all := append([]peer{{column: oursColumn, path: s.program}}, s.peers...)
	for _, n := range besideSizes() {
		if !s.measures(row{name: besideTerraform}, n) {
			continue
		}
		runs := map[string][]used{}
		able := s.takeTurns(ctx, all, n, runs)
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(able) == 0 || able[0].column != oursColumn {
			return fmt.Errorf("%s, %d cards: this program couldn't do it", besideTerraform, n)
		}
		for _, p := range able {
			s.keepMedians(p, n, runs)
		}
	}
	return nil
}

// takeTurns has each program do the work as often as asked, or once where that takes
// long. It returns those that could, and fills in what their runs took, by [besideKey].
func (s *session) takeTurns(ctx context.Context, programs []peer, n int, runs map[string][]used) []peer {
	took := map[string]time.Duration{}
	able := slices.Clone(programs)
	for range s.best {
		able = slices.DeleteFunc(able, func(p peer) bool {
			if took[p.column] > onceIsEnough {
				return false
			}
			began := time.Now()
			err := s.besideOnce(ctx, p, n, runs)
			if err != nil {
				fmt.Fprintf(s.log, "%s, %d cards, isn't measured by %s: %v\n", besideTerraform, n, p.path, err)
			}
			took[p.column] = time.Since(began)
			return err != nil
		})
	}
	return able
}

// besideKey is a program's line of the table.
func besideKey(p peer, line string) string { return p.column + ": " + line }

// besideOnce does the work once by a program, in a folder of its own.
func (s *session) besideOnce(ctx context.Context, p peer, n int, runs map[string][]used) error {
	dir, err := s.folder("beside")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a leftover temporary folder is harmless
	env, err := s.layBeside(dir, p, n)
	if err != nil {
		return err
	}
	for _, step := range besideSteps() {
		args := step.theirs
		if p.column == oursColumn {
			args = step.ours
		}
		if args == nil {
			continue
		}
		u, err := runOneWith(ctx, env, dir, append([]string{p.path}, args...)...)
		if err != nil {
			return err
		}
		key := besideKey(p, besideName(step, n))
		runs[key] = append(runs[key], u)
	}
	if calls := s.carriers.calls(); calls > 0 {
		return fmt.Errorf("the carrier was called %d times: what calls nobody isn't comparable", calls)
	}
	return nil
}

// layBeside writes the table of cards, and what a program wants of them. It
// returns the environment to run it with; nil is this one's.
func (s *session) layBeside(dir string, p peer, n int) ([]string, error) {
	r := row{shape: "from_csv", first: true}
	s.carriers.play(described(r, n))
	if p.column == oursColumn {
		return nil, writeFleet(dir, r, n, s.carriers.base)
	}
	settings := filepath.Join(dir, "settings.tfrc")
	return besideEnv(settings), errors.Join(
		writeTo(settings, func(io.Writer) {}),
		writeTo(filepath.Join(dir, "cards.csv"), func(w io.Writer) { writeTable(w, r, n) }),
		writeTo(filepath.Join(dir, "main.tf"), func(w io.Writer) { fmt.Fprint(w, terraformCards) }))
}

// terraformCards keeps each row of the table in a resource that Terraform has built in.
const terraformCards = `resource "terraform_data" "card" {
  for_each = { for row in csvdecode(file("cards.csv")) : row.iccid => row }
  input    = each.value
}
`

// keepMedians keeps the medians of a program's runs at a size.
func (s *session) keepMedians(p peer, n int, runs map[string][]used) {
	for _, step := range besideSteps() {
		line := besideName(step, n)
		of := runs[besideKey(p, line)]
		if len(of) == 0 {
			continue // it has nothing to do in this step
		}
		if s.results.comparison.took[p.column] == nil {
			s.results.comparison.took[p.column] = map[string]used{}
		}
		m := medians(of)
		s.results.comparison.took[p.column][line] = m
		fmt.Fprintf(s.log, "%s, %s: %.2f s of CPU, %.2f s, %d MiB, median of %d\n", p.column, line, m.CPU.Seconds(), m.Wall.Seconds(), m.Peak>>20, len(of))
	}
}

// medians are the medians of what runs took, each figure for itself; of an even
// number of runs, the lesser one of the two in the middle.
func medians(runs []used) used {
	return used{
		CPU:  median(runs, func(u used) time.Duration { return u.CPU }),
		Wall: median(runs, func(u used) time.Duration { return u.Wall }),
		Peak: median(runs, func(u used) int64 { return u.Peak }),
	}
}

func median[T int64 | time.Duration](runs []used, figure func(used) T) T {
	figures := make([]T, len(runs))
	for i, u := range runs {
		figures[i] = figure(u)
	}
	slices.Sort(figures)
	return figures[(len(figures)-1)/2]
}

// besideTable writes the table beside Terraform.
func (r *results) besideTable(b *strings.Builder) {
	columns := []string{oursColumn, terraformColumn, tofuColumn}
	head(b, "Beside Terraform", "seconds of CPU, MiB at most", columns)
	for _, n := range besideSizes() {
		for _, step := range besideSteps() {
			line := besideName(step, n)
			fmt.Fprintf(b, "| %s |", line)
			for _, c := range columns {
				fmt.Fprintf(b, " %s |", r.besideCell(c, line, step))
			}
			b.WriteString("\n")
		}
	}
	b.WriteString("\n" + r.besidePeers() + "\n")
}

// besideCell is what a program took for a step.
func (r *results) besideCell(column, line string, s step) string {
	if column == oursColumn && s.ours == nil {
		return "–"
	}
	u, ok := r.comparison.took[column][line]
	if !ok {
		return notMeasured
	}
	peak := notMeasured
	if u.Peak > 0 {
		peak = decimal(float64(u.Peak) / (1 << 20))
	}
	return fmt.Sprintf("%s, %s", decimal(u.CPU.Seconds()), peak)
}

// besidePeers says which versions were measured.
func (r *results) besidePeers() string {
	var versions []string
	for _, p := range r.comparison.peers {
		if len(r.comparison.took[p.column]) > 0 {
			versions = append(versions, p.column+" "+p.version)
		}
	}
	if versions == nil {
		return "Neither Terraform nor OpenTofu was there to be measured."
	}
	return "Measured: " + strings.Join(versions, ", ") + "."
}
