package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// about says where and when something was measured.
type about struct {
	machine, system, commit string
	when                    time.Time
}

func aboutHere(ctx context.Context) about {
	return about{
		machine: machine(),
		system:  fmt.Sprintf("%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH),
		commit:  commit(ctx),
		when:    time.Now().UTC(),
	}
}

// machine names processor and memory, as far as Linux's files say.
func machine() string {
	name := "a machine"
	if model := fieldOf("/proc/cpuinfo", "model name"); model != "" {
		name = model
	}
	name = fmt.Sprintf("%s, %d cores", name, runtime.NumCPU())
	var kib int
	if _, err := fmt.Sscanf(fieldOf("/proc/meminfo", "MemTotal"), "%d kB", &kib); err == nil {
		name += fmt.Sprintf(", %d GiB", (kib+1<<19)>>20)
	}
	return name
}

// fieldOf is the value of a line "name : value"; "" where there is none.
func fieldOf(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if k, v, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// commit is the one that is checked out, and whether something was changed since.
func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=10", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	id := strings.TrimSpace(string(out))
	if changed, err := exec.CommandContext(ctx, "git", "status", "--porcelain").Output(); err == nil && len(changed) > 0 {
		id += " and changes"
	}
	return id
}
