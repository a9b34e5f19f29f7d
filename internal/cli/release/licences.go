package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// platforms are those that a release is built for, as .goreleaser.yaml says.
var platforms = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}

// module is one that is linked into the program.
type module struct {
	path, version, dir string
	packages           []string // folders of those of its packages that are linked
}

// linkedModules are the modules of other people that the program in dir is made
// of on any platform, and Go's own library, by their paths.
func linkedModules(ctx context.Context, dir string) ([]module, error) {
	found := map[string]*module{}
	for _, platform := range platforms {
		if err := addLinked(ctx, dir, platform, found); err != nil {
			return nil, err
		}
	}
	list := make([]module, 0, len(found))
	for _, m := range found {
		slices.Sort(m.packages)
		m.packages = slices.Compact(m.packages)
		list = append(list, *m)
	}
	slices.SortFunc(list, func(a, b module) int { return strings.Compare(a.path, b.path) })
	return list, nil
}

// addLinked adds what go list names for one platform.
func addLinked(ctx context.Context, dir, platform string, found map[string]*module) error {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Dir,Standard,Root,Module", ".")
	cmd.Dir = dir
	system, arch, _ := strings.Cut(platform, "/")
	cmd.Env = append(cmd.Environ(), "GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0")
	var failed bytes.Buffer
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go list -deps for %s: %w: %s", platform, err, &failed)
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir, Root string
			Standard  bool
			Module    *struct {
				Path, Version, Dir string
				Main               bool
			}
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		switch {
		case p.Standard:
			found["std"] = &module{path: "std", version: "Go's own library", dir: p.Root}
		case p.Module != nil && !p.Module.Main:
			m := found[p.Module.Path]
			if m == nil {
				m = &module{path: p.Module.Path, version: p.Module.Version, dir: p.Module.Dir}
				found[m.path] = m
			}
			m.packages = append(m.packages, p.Dir)
		}
	}
}

// licenceFile is what a licence's file is called.
var licenceFile = regexp.MustCompile(`(?i)^((un)?licen[cs]e|copying|notice|patents)([-._].*)?$`)

// files are the module's files of licences and notices: its own, and those in
// the folders of the packages that are linked, which may be other people's.
func (m module) files() ([]string, error) {
	folders := map[string]bool{m.dir: true}
	for _, p := range m.packages {
		for dir := p; len(dir) > len(m.dir); dir = filepath.Dir(dir) {
			folders[dir] = true
		}
	}
	var files []string
	for dir := range folders {
		list, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			if !e.IsDir() && licenceFile.MatchString(e.Name()) && filepath.Ext(e.Name()) != ".go" {
				files = append(files, filepath.Join(dir, e.Name()))
			}
		}
	}
	slices.Sort(files)
	return files, nil
}

// terms are the licences that the project takes, each with a sentence of its
// own text.
var terms = []struct{ name, sentence string }{
	{"Apache-2.0", "apache license version 2.0"},
	{"Apache-2.0", "licensed under the apache license, version 2.0"},
	{"MPL-2.0", "mozilla public license version 2.0"},
	{"MPL-2.0", "mozilla public license, version 2.0"},
	{"BSD", "redistribution and use in source and binary forms"},
	{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"Unlicense", "this is free and unencumbered software released into the public domain"},
	{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose"},
}

// named says which licences a text is: all that it has a sentence of. A text of
// the GNU licences is none that the project takes.
func named(text string) []string {
	text = strings.Join(strings.Fields(strings.ToLower(text)), " ")
	head := text[:min(len(text), 200)]
	if strings.Contains(head, "gnu ") && strings.Contains(head, "public license") {
		return nil
	}
	var names []string
	for _, t := range terms {
		if strings.Contains(text, t.sentence) && !slices.Contains(names, t.name) {
			names = append(names, t.name)
		}
	}
	return names
}

// licences are the names and texts of the modules' licences. A module without a
// licence that the project takes is an error.
func licences(modules []module) (string, error) {
	var b strings.Builder
	b.WriteString("cardfleet is under the licence in LICENSE, and has parts of other people in it, under theirs:\n")
	for _, m := range modules {
		files, err := m.files()
		if err != nil {
			return "", err
		}
		text, names, err := texts(m, files)
		if err != nil {
			return "", err
		}
		if len(names) == 0 {
			return "", fmt.Errorf("%s has no licence that the project takes (Apache, BSD, ISC, MIT, MPL, Unlicense) in %s: take another module", m.path, m.dir)
		}
		fmt.Fprintf(&b, "\n%s\n%s %s: %s\n%s", strings.Repeat("=", 80), m.path, m.version, strings.Join(names, ", "), text)
	}
	return b.String(), nil
}

// texts are the texts of a module's files one after another, and the licences in them.
func texts(m module, files []string) (text string, names []string, err error) {
	var b strings.Builder
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return "", nil, err
		}
		for _, n := range named(string(raw)) {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
		inside, err := filepath.Rel(m.dir, file)
		if err != nil {
			return "", nil, err
		}
		fmt.Fprintf(&b, "\n%s\n%s\n%s\n", filepath.ToSlash(inside), strings.Repeat("-", 80), strings.TrimSpace(string(raw)))
	}
	return b.String(), names, nil
}
