package render

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fatih/color"
)

const (
	faint = color.Faint
	green = color.FgGreen
	red   = color.FgRed
)

// Thousands writes n with commas: 18,240.
func Thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Thousands(n) + " " + many
}

// Duration is a duration as people say it: 31 min, 4 s, 2 h 5 min.
func Duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return "1 s"
	case d < 90*time.Second:
		return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds()))
	case d < 90*time.Minute:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	default:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
}

// wrap breaks a text into lines of at most width bytes, between words.
func wrap(s string, width int) []string {
	var lines []string
	for para := range strings.SplitSeq(s, "\n") {
		line := ""
		for _, word := range strings.Fields(para) {
			if line != "" && len(line)+1+len(word) > width {
				lines = append(lines, line)
				line = ""
			}
			if line != "" {
				line += " "
			}
			line += word
		}
		lines = append(lines, line)
	}
	return lines
}
