//go:build !race

package cli_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/internal/cli"
	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// long is something that holds n elements, and a command that reads it.
type long struct {
	name string
	// lay writes the files of n elements, and returns the command.
	lay func(r *rig, n int) []string
	// always measures it even where no element is looked at; others of these are
	// left to -squares.
	always bool
}

// shapesOfValues are the ways to write n elements as the value of a setting:
// what most settings refuse, and what some take.
func shapesOfValues() map[string]func(n int) string {
	join := func(open, shut string, element func(i int) string) func(n int) string {
		return func(n int) string {
			var b strings.Builder
			b.WriteString(open)
			for i := range n {
				b.WriteString(element(i))
			}
			return b.String() + shut
		}
	}
	return map[string]func(n int) string{
		"list of texts":    join("[\n", "]", func(i int) string { return fmt.Sprintf("%q,\n", benchICCID(i)) }),
		"list of mistakes": join("[\n", "]", func(i int) string { return fmt.Sprintf("\"x%d\",\n", i) }),
		"list in one line": join("[", "]", func(i int) string { return fmt.Sprintf("%q,", benchIMEI(i)) }),
		"list of all":      join("[\n", "]", func(i int) string { return []string{"true,\n", "null,\n", "[],\n", "7,\n"}[i%4] }),
		"list of words":    join("[\n", "]", func(int) string { return "imei,\n" }),
		"map of texts":     join("{\n", "}", func(i int) string { return fmt.Sprintf("%q = %q\n", benchICCID(i), benchIMEI(i)) }),
		"map of mistakes":  join("{\n", "}", func(i int) string { return fmt.Sprintf("x%d = \"y%d\"\n", i, i) }),
		"map of all":       join("{\n", "}", func(i int) string { return fmt.Sprintf("k%d = %s\n", i, []string{"true", "null", "{}", "7"}[i%4]) }),
	}
}

// allBlocks are the blocks with schemas and those of the language.
func allBlocks(t *testing.T) map[string]block {
	blocks, language := schemaBlocks("http://127.0.0.1:1"), languageBlocks()
	for function, names := range argumentsOf(t) {
		b := language[function]
		b.names = names
		blocks[function] = b
	}
	return blocks
}

// longSettings are all settings of all blocks, with each shape of value.
func longSettings(t *testing.T) []long {
	blocks := allBlocks(t)
	var list []long
	shapes := shapesOfValues()
	for _, title := range slices.Sorted(maps.Keys(blocks)) {
		b := blocks[title]
		require.NotEmpty(t, b.before, title)
		for i, name := range b.names {
			for _, shape := range slices.Sorted(maps.Keys(shapes)) {
				list = append(list, long{title + ", " + name + ", " + shape, func(r *rig, n int) []string {
					if title != "provider aliyun" {
						r.write("provider.fleet.hcl", provider)
					} else {
						r.write("provider.fleet.hcl", `variable "carrier_url" { type = string }`)
					}
					r.write("main.fleet.hcl", b.with(name, shapes[shape](n)))
					return []string{"validate", "-json"}
				}, i == 0})
			}
		}
	}
	return list
}

// cost is what a command takes.
type cost struct {
	bytes float64 // allocated
	said  string  // its exit code, and how many mistakes it told
}

// costs runs the command on n elements.
func (l long) costs(t *testing.T, n int) cost {
	t.Helper()
	r := newRig(t, &carriersim.World{})
	args := l.lay(r, n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	code, out := l.run(r, args)
	runtime.ReadMemStats(&after)
	said := fmt.Sprint(code, strings.Count(out, `"severity":`))
	return cost{float64(after.TotalAlloc - before.TotalAlloc), said}
}

// run is the rig's, without looking at what was printed.
func (l long) run(r *rig, args []string) (code int, printed string) {
	var out bytes.Buffer
	env := &cli.Env{
		Dir: r.dir, In: strings.NewReader(""), Out: &out, Err: io.Discard,
		LookupEnv: func(name string) (string, bool) { v, ok := r.env[name]; return v, ok },
		Now:       r.clock.Now, Sleep: r.clock.Sleep, Random: func(p []byte) { fill(p) }, Transport: http.DefaultTransport, User: "dev", Host: "laptop",
	}
	return cli.Run(context.Background(), args, env), out.String()
}

// squares has the long form measured: every shape of every setting, and CPU in
// processes of their own.
var squares = flag.Bool("squares", false, "look for what grows with the square in every shape of every list, CPU included: most of an hour")

// few and many are too many for the race detector, which makes each ten times as
// dear: .ci/run has a step without it.
const few, many = 2_000, 20_000

// leastBytes is what an element may take whatever fewer of them do: rooms grow
// by leaps. A square takes a hundred times as much.
const leastBytes = 512

// TestNothingGrowsWithTheSquare goes through every list and map that people
// write. What a command allocates for an element may grow by half when there are
// ten times as many, and no more. CPU that grows without allocating is looked at
// with -squares, in processes of their own.
func TestNothingGrowsWithTheSquare(t *testing.T) {
	lists := slices.Concat(longSettings(t), longBlocks(t), longReferences(), longTables(), longCommandLines(t), longStates(), longApprovals())
	for _, l := range lists {
		t.Run(l.name, func(t *testing.T) { l.grows(t) })
	}
}

// holds reports whether elements are looked at one by one: with more of them the
// program says more, or nothing is wrong.
func (l long) holds(t *testing.T) bool {
	one := l.costs(t, 1)
	return one.said == "0 0" || one.said != l.costs(t, 2).said
}

func (l long) grows(t *testing.T) {
	if !l.always && !*squares && !l.holds(t) {
		return
	}
	none, before, after := l.costs(t, 1), l.costs(t, few), l.costs(t, many)
	b, a := (before.bytes-none.bytes)/few, (after.bytes-none.bytes)/many
	assert.LessOrEqual(t, a, max(b, leastBytes)*1.5, "bytes an element, of %d and of %d", few, many)
	if *squares {
		l.growsAlone(t)
	}
}

// growsAlone measures CPU in processes of their own: medians of three.
func (l long) growsAlone(t *testing.T) {
	alone := func(n int) float64 {
		r := newRig(t, &carriersim.World{})
		args := l.lay(r, n)
		var took []float64
		for range 3 {
			cmd := exec.Command(builtProgram(t), args...)
			cmd.Dir = r.dir
			for name, value := range r.env {
				cmd.Env = append(cmd.Env, name+"="+value)
			}
			_ = cmd.Run() // many are mistakes, which the other form looks at
			require.NotNil(t, cmd.ProcessState)
			took = append(took, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
		}
		slices.Sort(took)
		return took[1]
	}
	none := alone(1)
	const least = 5e-6
	assert.LessOrEqual(t, (alone(many)-none)/many, max((alone(few)-none)/few, least)*1.5, "CPU seconds an element, alone")
}

// builtProgram is the program, built once for a test binary.
func builtProgram(t *testing.T) string {
	t.Helper()
	path, err := buildOnce()
	require.NoError(t, err)
	return path
}

var buildOnce = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "cardfleet-squares-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "cardfleet")
	out, err := exec.Command("go", "build", "-o", path, "github.com/cardfleet/cardfleet").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})
