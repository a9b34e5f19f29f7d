package file_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec/file"
)

func TestAFileIsReadByItsNameAndThroughALink(t *testing.T) {
	dir := t.TempDir()
	name, link := filepath.Join(dir, "cards.csv"), filepath.Join(dir, "link.csv")
	require.NoError(t, os.WriteFile(name, []byte("iccid\n"), 0o600))
	require.NoError(t, os.Symlink(name, link))
	for _, path := range []string{name, link} {
		content, err := file.Read(path)
		require.NoError(t, err)
		assert.Equal(t, "iccid\n", string(content))
	}
	_, err := file.Read(filepath.Join(dir, "none.csv"))
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = file.Read(dir)
	assert.Error(t, err)
}

func TestAPipeIsRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("LEFT OUT: no /dev/fd here")
	}
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	_, err = w.WriteString("by way of a shell")
	require.NoError(t, err)
	require.NoError(t, w.Close())
	content, err := file.Read(filepath.Join("/dev/fd", strconv.Itoa(int(r.Fd()))))
	require.NoError(t, err)
	assert.Equal(t, "by way of a shell", string(content))
}

func TestWhatTheKernelShowsIsRefusedWhateverItsName(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("LEFT OUT: no procfs here")
	}
	link := filepath.Join(t.TempDir(), "innocent.csv")
	require.NoError(t, os.Symlink("/proc/self/environ", link))
	for _, path := range []string{"/proc/self/environ", link, "/proc/self/root/proc/version", "/sys/kernel/mm/transparent_hugepage/enabled", "/dev/null", "/dev/zero"} {
		if _, err := os.Stat(path); err != nil {
			continue // this system lacks it
		}
		content, err := file.Read(path)
		require.ErrorIs(t, err, file.ErrNotForReading, path)
		assert.ErrorContains(t, err, path)
		assert.Empty(t, content)
	}
}
