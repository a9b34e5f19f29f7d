package cli_test

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// releases are a server with the files of the release v0.1.0, and the machine of
// a job that installs it.
type releases struct {
	*ciRig
	files   string // of the release
	archive string // the archive's name
	url     string
	signers string // the file of those who may sign
	job     string // the job's folder
}

func newReleases(t *testing.T) *releases {
	t.Helper()
	needs(t, "ssh-keygen")
	needs(t, "openssl")
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("LEFT OUT: install.sh is for Linux and macOS")
	}
	r := &releases{ciRig: newCIRig(t), files: t.TempDir(), job: t.TempDir()}
	name := fmt.Sprintf("cardfleet_0.1.0_%s_%s", runtime.GOOS, runtime.GOARCH)
	r.archive = filepath.Join(r.files, name+".tar.gz")
	r.pack(name, "#!/bin/sh\necho the released one\n")
	r.signers = filepath.Join(r.home, "release.signers")
	r.sign(r.key("release"), true)
	server := httptest.NewServer(http.StripPrefix("/v0.1.0/", http.FileServer(http.Dir(r.files))))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// pack makes the archive with this program in it.
func (r *releases) pack(name, program string) {
	file, err := os.Create(r.archive)
	require.NoError(r.t, err)
	packed := gzip.NewWriter(file)
	w := tar.NewWriter(packed)
	for inside, text := range map[string]string{"/cardfleet": program, "/README.md": "read me"} {
		require.NoError(r.t, w.WriteHeader(&tar.Header{Name: name + inside, Mode: 0o755, Size: int64(len(text))}))
		_, err = w.Write([]byte(text))
		require.NoError(r.t, err)
	}
	require.NoError(r.t, w.Close())
	require.NoError(r.t, packed.Close())
	require.NoError(r.t, file.Close())
}

// key makes a key and returns its file.
func (r *releases) key(name string) string {
	file := filepath.Join(r.home, name)
	r.exec(r.home, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file)
	return file
}

// sign writes the list of sums and its signature by the key, who then may sign
// where may says so.
func (r *releases) sign(key string, may bool) {
	text, err := os.ReadFile(r.archive)
	require.NoError(r.t, err)
	r.sums(fmt.Sprintf("%x  %s\n", sha256.Sum256(text), filepath.Base(r.archive)), key)
	if may {
		public, err := os.ReadFile(key + ".pub")
		require.NoError(r.t, err)
		require.NoError(r.t, os.WriteFile(r.signers, append([]byte(`cardfleet-release namespaces="cardfleet-release" `), public...), 0o600))
	}
}

func (r *releases) sums(text, key string) {
	list := filepath.Join(r.files, "checksums.txt")
	require.NoError(r.t, os.RemoveAll(list+".sig"))
	require.NoError(r.t, os.WriteFile(list, []byte(text), 0o600))
	r.exec(r.home, "ssh-keygen", "-q", "-Y", "sign", "-n", "cardfleet-release", "-f", key, list)
}

// install runs install.sh, and returns what the installed program says.
func (r *releases) install(env ...string) (string, ended) {
	r.t.Helper()
	require.NoError(r.t, os.RemoveAll(filepath.Join(r.job, "cardfleet-bin")))
	env = append(r.environment("CARDFLEET_VERSION=v0.1.0", "CARDFLEET_RELEASES="+r.url), env...)
	got := r.shell(r.job, env, filepath.Join(r.repo, "ci/cardfleet/install.sh"))
	program := filepath.Join(r.job, "cardfleet-bin/cardfleet")
	if _, err := os.Stat(program); err != nil {
		return "", got
	}
	said, err := exec.Command(program, "version").Output()
	require.NoError(r.t, err)
	return string(said), got
}

func TestInstallTakesAReleaseWithItsSignatureAndSum(t *testing.T) {
	r := newReleases(t)
	said, got := r.install("CARDFLEET_SIGNERS=" + r.signers)
	got.want(t, 0)
	assert.Equal(t, "the released one\n", said)

	// The file beside the script, as the project will have it.
	text, err := os.ReadFile(r.signers)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(r.repo, "ci/cardfleet/release.signers"), text, 0o600))
	said, got = r.install()
	got.want(t, 0)
	assert.Equal(t, "the released one\n", said)
}

func TestInstallRefusesWhatNobodySigned(t *testing.T) {
	r := newReleases(t)
	release, name := filepath.Join(r.home, "release"), filepath.Base(r.archive)
	whole, err := os.ReadFile(r.archive)
	require.NoError(t, err)
	refused := func(why, because string) {
		t.Helper()
		said, got := r.install("CARDFLEET_SIGNERS=" + r.signers)
		got.want(t, 1)
		assert.Empty(t, said, why)
		assert.Contains(t, got.log, because, why)
	}
	r.pack(name[:len(name)-len(".tar.gz")], "#!/bin/sh\necho another\n")
	refused("another archive", "isn't the one whose sum was signed")

	r.sign(r.key("mallory"), false)
	refused("signed by somebody else", "isn't signed by a key of")

	require.NoError(t, os.WriteFile(r.archive, whole, 0o600))
	r.sums(fmt.Sprintf("%x  cardfleet_0.0.9_linux_amd64.tar.gz\n", sha256.Sum256(whole)), release)
	refused("a list of another release", "isn't the one whose sum was signed")

	require.NoError(t, os.Remove(filepath.Join(r.files, "checksums.txt.sig")))
	refused("no signature", "can't be downloaded")

	said, got := r.install("CARDFLEET_SIGNERS=" + r.signers + ".misspelled")
	got.want(t, 1)
	assert.Empty(t, said)
	assert.Contains(t, got.log, "there is no such file")
}

// Go checks it against its checksum database.
func TestInstallLetsGoBuildWhatIsNotSignedYet(t *testing.T) {
	r := newReleases(t)
	said, got := r.install()
	got.want(t, 0)
	assert.Contains(t, said, "cardfleet v0.1.0\n")
}
