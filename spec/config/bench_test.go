//go:build unix

package config

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

const benchProvider = `provider "aliyun" {}
`

// fleetOfBlocks is n cards, each in a block of its own.
func fleetOfBlocks(t testing.TB, n int) string {
	var b strings.Builder
	b.WriteString(benchProvider)
	for i := range n {
		fmt.Fprintf(&b, "card \"bike_%d\" {\n  iccid    = \"%s\"\n  imei     = \"%s\"\n  active   = true\n  packages = [\"10002\"]\n}\n",
			i, numberedICCID(i), numberedIMEI(i))
	}
	return writeFiles(t, map[string]string{"main.fleet.hcl": b.String()})
}

// fleetOfRichBlocks is n cards that say all that a card can say without expressions.
func fleetOfRichBlocks(t testing.TB, n int) string {
	var b strings.Builder
	b.WriteString(benchProvider)
	for i := range n {
		fmt.Fprintf(&b, "# bike %d\ncard \"bike_%d\" {\n  provider = aliyun\n  iccid    = \"%s\"\n  imei     = \"%s\"\n  active   = true\n  packages = [\"10002\", \"10003\"]\n"+
			"  labels = {\n    city  = \"杭州\"\n    depot = \"d%d\"\n    bike  = \"%d\"\n  }\n\n  lifecycle {\n    prevent_unbind = true\n  }\n}\n\n",
			i, i, numberedICCID(i), numberedIMEI(i), i%200, i)
	}
	return writeFiles(t, map[string]string{"main.fleet.hcl": b.String()})
}

// fleetOfReferences is n cards in blocks that only HCL can read.
func fleetOfReferences(t testing.TB, n int) string {
	var b strings.Builder
	b.WriteString(benchProvider + "locals {\n  on = true\n}\n")
	for i := range n {
		fmt.Fprintf(&b, "card \"bike_%d\" {\n  iccid  = \"%s\"\n  imei   = \"%s\"\n  active = local.on\n}\n", i, numberedICCID(i), numberedIMEI(i))
	}
	return writeFiles(t, map[string]string{"main.fleet.hcl": b.String()})
}

func csvOf(n int) string {
	var b strings.Builder
	b.WriteString("iccid,imei,city,note\n")
	for i := range n {
		fmt.Fprintf(&b, "%s,%s,city%d,\"a, b\"\n", numberedICCID(i), numberedIMEI(i), i%50)
	}
	return b.String()
}

const rowAttributes = `
  iccid    = each.value.iccid
  imei     = each.value.imei
  active   = true
  packages = ["10002"]
  labels   = { city = each.value.city }
}
`

func fleetOfForEach(t testing.TB, n int) string {
	return writeFiles(t, map[string]string{"bikes.csv": csvOf(n), "main.fleet.hcl": benchProvider + `card "bike" {
  for_each = { for row in csvdecode(file("bikes.csv")) : row.iccid => row }` + rowAttributes})
}

func fleetOfCSV(t testing.TB, n int) string {
	return writeFiles(t, map[string]string{"bikes.csv": csvOf(n), "main.fleet.hcl": benchProvider + `card "bike" {
  from_csv = "bikes.csv"` + rowAttributes})
}

// fleetOfShuffledCSV is fleetOfCSV with the rows in no order.
func fleetOfShuffledCSV(t testing.TB, n int) string {
	dir := fleetOfCSV(t, n)
	lines := strings.SplitAfter(strings.TrimSuffix(csvOf(n), "\n"), "\n")
	lines[n] += "\n"
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { lines[i+1], lines[j+1] = lines[j+1], lines[i+1] })
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bikes.csv"), []byte(strings.Join(lines, "")), 0o600))
	return dir
}

// fleetOfImportedCSV is a table as import writes it, in which a blank is no device.
func fleetOfImportedCSV(t testing.TB, n int) string {
	return writeFiles(t, map[string]string{"bikes.csv": csvOf(n), "main.fleet.hcl": benchProvider + `card "bike" {
  from_csv = "bikes.csv"
  iccid    = each.value.iccid
  imei     = each.value.imei == "" ? null : each.value.imei
  packages = each.value.note == "unmanaged" ? null : compact(split(" ", each.value.note))
}
`})
}

// BenchmarkLoad shows that the cost of a card is flat, and how much it is:
// cpu-ns/card counts every thread, the garbage collector's included; kept-B/card
// is the memory that the fleet holds once it is loaded, alloc-B/card what was
// allocated on the way.
func BenchmarkLoad(b *testing.B) {
	for _, way := range []struct {
		name  string
		fleet func(testing.TB, int) string
	}{
		{"blocks", fleetOfBlocks}, {"rich_blocks", fleetOfRichBlocks}, {"references", fleetOfReferences},
		{"for_each", fleetOfForEach}, {"from_csv", fleetOfCSV}, {"shuffled_csv", fleetOfShuffledCSV}, {"imported_csv", fleetOfImportedCSV},
	} {
		for _, n := range []int{1000, 10_000, 100_000, 1_000_000} {
			b.Run(way.name+"/"+strconv.Itoa(n), func(b *testing.B) {
				dir := way.fleet(b, n)
				before := memory()
				b.ResetTimer()
				began := cpuTime(b)
				var c *Config
				for range b.N {
					var diags spec.Diagnostics
					c, diags = Load(Options{Dir: dir, Schemas: testSchemas()})
					require.Empty(b, diags)
					require.Len(b, c.Fleet.Cards, n)
				}
				b.StopTimer()
				cards := float64(b.N) * float64(n)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/cards, "ns/card")
				b.ReportMetric(float64((cpuTime(b)-began).Nanoseconds())/cards, "cpu-ns/card")
				after := memory()
				b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/cards, "alloc-B/card")
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "kept-B/card")
				b.ReportMetric(0, "ns/op")
				runtime.KeepAlive(c)
			})
		}
	}
}

// memory is what is in use once the garbage is gone.
func memory() runtime.MemStats {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m
}

// cpuTime is the processor time that this process has used.
func cpuTime(tb testing.TB) time.Duration {
	var u syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
