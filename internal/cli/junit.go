package cli

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// junitSuites is the form of JUnit's XML that Jenkins, GitLab and GitHub's actions
// read, and that terraform test writes.
type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name      string        `xml:"name,attr"`
	ClassName string        `xml:"classname,attr"`
	Seconds   string        `xml:"time,attr"`
	Failure   *junitMessage `xml:"failure"`
	Error     *junitMessage `xml:"error"`
	Skipped   *junitMessage `xml:"skipped"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",cdata"`
}

// writeJUnit writes what became of the runs, a suite a file. redact hides secrets,
// which XML may spell otherwise.
func writeJUnit(w io.Writer, files []testedFile, redact func(string) string) error {
	out := junitSuites{Suites: []junitSuite{}}
	for i := range files {
		out.Suites = append(out.Suites, suiteOf(&files[i], redact))
	}
	text, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, text)
	return err
}

func suiteOf(f *testedFile, redact func(string) string) junitSuite {
	suite := junitSuite{Name: safe.Text(f.name), Tests: len(f.runs), Timestamp: f.began.UTC().Format(time.RFC3339)}
	for i := range f.runs {
		r := &f.runs[i]
		one := junitCase{Name: safe.Text(r.name), ClassName: suite.Name, Seconds: fmt.Sprintf("%.3f", r.took.Seconds())}
		switch r.status {
		case testFail:
			suite.Failures++
			one.Failure = messageOf(r.found, redact)
		case testError:
			suite.Errors++
			one.Error = messageOf(r.found, redact)
		case testSkip:
			suite.Skipped++
			one.Skipped = &junitMessage{Message: "an earlier run of this file had an error"}
		}
		suite.Cases = append(suite.Cases, one)
	}
	return suite
}

func messageOf(found spec.Diagnostics, redact func(string) string) *junitMessage {
	m := &junitMessage{}
	var text strings.Builder
	for i := range found {
		d := &found[i]
		if m.Message == "" && d.Severity == spec.Error {
			m.Message = safe.Lines(redact(d.Summary))
		}
		text.WriteString(diagnosticText(d, render.Style{}))
	}
	m.Text = redact(strings.TrimLeft(text.String(), "\n"))
	return m
}
