package lsp

import (
	"net/url"
	"path/filepath"
	"strings"
)

// pathOf is the absolute path that a URI names; false where it names no file.
func pathOf(uri string) (string, bool) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" || u.Path == "" || (u.Host != "" && u.Host != "localhost") {
		return "", false
	}
	path := u.Path
	if hasDrive(path) {
		path = strings.ToUpper(path[1:2]) + path[2:]
	}
	return filepath.Clean(filepath.FromSlash(path)), true
}

// hasDrive reports whether a path is one of Windows: /c:/fleet.
func hasDrive(path string) bool {
	return filepath.Separator == '\\' && len(path) > 2 && path[0] == '/' && path[2] == ':'
}

// uriOf is the URI of a file.
func uriOf(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}
