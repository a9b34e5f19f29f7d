// Command image makes the container image of a release: the program, the
// certificates that it trusts, and nothing else. It needs no daemon, and the
// same commit gives the same digest:
//
//	go -C .ci/image run . -source=../.. -version=0.1.0 -created=2026-11-29T13:00:00Z -out=image.tar
//
// The image is an OCI layout in a tar archive, for linux/amd64 and linux/arm64,
// which skopeo, crane, podman and docker load. With -push the same is sent to a
// registry, with the credentials that docker login left, or GITHUB_TOKEN for ghcr.io.
package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/authn/github"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// flags of the build are those of .goreleaser.yaml, so that the image has the
// program of the archives; .ci/release compares them.
var buildFlags = []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid="}

// nobody is who the program runs as.
const nobody = 65532

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// release is what an image says of itself.
type release struct {
	version string
	created time.Time
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.SetOutput(log)
	source := flags.String("source", "../..", "build the program in the folder `DIR`")
	version := flags.String("version", "", "the image has the program in this `VERSION`")
	created := flags.String("created", "", "the `TIME` of the commit, as in 2026-11-29T13:00:00Z")
	file := flags.String("out", "image.tar", "write the archive `FILE`")
	push := flags.String("push", "", "send it to the registry as `NAME:TAG` too")
	if err := flags.Parse(args); err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339, *created)
	if err != nil {
		return fmt.Errorf("-created: %w", err)
	}
	index, err := build(ctx, *source, release{*version, at.UTC()})
	if err != nil {
		return err
	}
	if err := archive(index, *file, at.UTC()); err != nil {
		return err
	}
	if *push != "" {
		if err := send(ctx, index, *push); err != nil {
			return err
		}
	}
	digest, err := index.Digest()
	fmt.Fprintln(out, digest)
	return err
}

// build makes the image of each platform, and the index over them.
func build(ctx context.Context, source string, r release) (v1.ImageIndex, error) {
	var index v1.ImageIndex = mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range []string{"amd64", "arm64"} {
		program, err := compile(ctx, source, arch)
		if err != nil {
			return nil, err
		}
		img, err := image(program, arch, r)
		if err != nil {
			return nil, err
		}
		platform := v1.Platform{OS: "linux", Architecture: arch}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	return index, nil
}

// compile builds the program, which needs no C library.
func compile(ctx context.Context, source, arch string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "image")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "cardfleet")
	cmd := exec.CommandContext(ctx, "go", append(buildFlags[:len(buildFlags):len(buildFlags)], "-o", file, ".")...)
	cmd.Dir = source
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building for %s: %w: %s", arch, err, out)
	}
	return os.ReadFile(file)
}

// image has what never changes in its first layer, and the program in its second.
func image(program []byte, arch string, r release) (v1.Image, error) {
	ground, err := layer(r.created, []entry{
		{name: "etc/", mode: 0o755}, {name: "etc/ssl/", mode: 0o755}, {name: "etc/ssl/certs/", mode: 0o755},
		{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, data: certificates()},
		{name: "etc/passwd", mode: 0o644, data: fmt.Appendf(nil, "cardfleet:x:%d:%d::/fleet:/sbin/nologin\n", nobody, nobody)},
		{name: "etc/group", mode: 0o644, data: fmt.Appendf(nil, "cardfleet:x:%d:\n", nobody)},
		{name: "tmp/", mode: 0o1777},
		{name: "fleet/", mode: 0o755, owner: nobody},
	})
	if err != nil {
		return nil, err
	}
	top, err := layer(r.created, []entry{{name: "usr/", mode: 0o755}, {name: "usr/bin/", mode: 0o755}, {name: "usr/bin/cardfleet", mode: 0o755, data: program}})
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if img, err = mutate.AppendLayers(img, ground, top); err != nil {
		return nil, err
	}
	return mutate.ConfigFile(img, settings(img, arch, r))
}

// settings are how the program is started, and what the image says of itself.
func settings(img v1.Image, arch string, r release) *v1.ConfigFile {
	file, err := img.ConfigFile()
	if err != nil { // of an image that is made in memory
		panic(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Created = "linux", arch, v1.Time{Time: r.created}
	file.History = nil
	file.Config = v1.Config{
		User: fmt.Sprintf("%d:%d", nobody, nobody), WorkingDir: "/fleet",
		Env:        []string{"PATH=/usr/bin", "HOME=/fleet"},
		Entrypoint: []string{"/usr/bin/cardfleet"},
		Labels: map[string]string{
			"org.opencontainers.image.title":    "cardfleet",
			"org.opencontainers.image.version":  r.version,
			"org.opencontainers.image.source":   "https://github.com/cardfleet/cardfleet",
			"org.opencontainers.image.licenses": "Apache-2.0",
		},
	}
	return file
}

// entry is a file of a layer, or a folder, whose name ends with a slash.
type entry struct {
	name  string
	mode  int64
	owner int
	data  []byte
}

// layer packs the entries in their order.
func layer(at time.Time, entries []entry) (v1.Layer, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		kind := byte(tar.TypeReg)
		if e.data == nil {
			kind = tar.TypeDir
		}
		header := &tar.Header{Typeflag: kind, Name: e.name, Mode: e.mode, Uid: e.owner, Gid: e.owner, Size: int64(len(e.data)), ModTime: at, Format: tar.FormatPAX}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }, tarball.WithMediaType(types.OCILayer))
}

// certificates are Mozilla's, as the pinned module has them, but for those that
// count only with a constraint that a file can't say.
func certificates() []byte {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a buffer takes all
		}
	}
	return b.Bytes()
}

// archive writes the index as an OCI layout into a tar archive.
func archive(index v1.ImageIndex, file string, at time.Time) error {
	dir, err := os.MkdirTemp("", "image")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := layout.Write(dir, index); err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	w := tar.NewWriter(out)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error { // in lexical order
		if err != nil || path == dir {
			return err
		}
		return pack(w, dir, path, d, at)
	})
	if err == nil {
		err = w.Close()
	}
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}

// pack writes one file or folder of dir.
func pack(w *tar.Writer, dir, path string, d fs.DirEntry, at time.Time) error {
	inside, err := filepath.Rel(dir, path)
	if err != nil {
		return err
	}
	header := &tar.Header{Typeflag: tar.TypeDir, Name: filepath.ToSlash(inside) + "/", Mode: 0o755, ModTime: at, Format: tar.FormatPAX}
	if d.IsDir() {
		return w.WriteHeader(header)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	header.Typeflag, header.Name, header.Mode, header.Size = tar.TypeReg, filepath.ToSlash(inside), 0o644, int64(len(data))
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// keys are those of docker login, and GITHUB_TOKEN where it left none for ghcr.io.
var keys = authn.NewMultiKeychain(authn.DefaultKeychain, github.Keychain)

// send pushes the index and all below it.
func send(ctx context.Context, index v1.ImageIndex, to string) error {
	ref, err := name.ParseReference(to)
	if err != nil {
		return err
	}
	return remote.WriteIndex(ref, index, remote.WithContext(ctx), remote.WithAuthFromKeychain(keys))
}
