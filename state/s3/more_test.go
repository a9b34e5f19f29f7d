package s3

import (
	"bytes"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/s3/s3test"
	"github.com/cardfleet/cardfleet/state/seal"
	"github.com/cardfleet/cardfleet/state/statetest"
)

func sealer(t *testing.T) state.Sealer {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	k, err := seal.New(seal.Options{
		Key:    seal.Key{Recipients: []string{id.Recipient().String()}, Identities: []seal.Identity{{Name: "key.txt", Text: id.String()}}},
		Random: func(p []byte) { copy(p, id.String()[20:]) },
	})
	require.NoError(t, err)
	return k
}

func TestASealedStatePassesTheSuite(t *testing.T) {
	everywhere(t, func(t *testing.T, at *bucket) {
		start := func(t *testing.T) func() state.Backend {
			b := newBucket(t, at.settings.Endpoint)
			b.sealer = sealer(t)
			return func() state.Backend { return b.open(t) }
		}
		statetest.Run(t, start)
		statetest.RunEvents(t, start)
	})
}

func TestAPlainStateIsSealedByTheNextCommitUnlessThatIsForbidden(t *testing.T) {
	at := fake(t)
	s := commitTimes(t, at.open(t), 1)
	id, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	with := func(enforced bool) *Backend {
		k, err := seal.New(seal.Options{
			Key:    seal.Key{Recipients: []string{id.Recipient().String()}, Identities: []seal.Identity{{Name: "key.txt", Text: id.String()}}},
			Random: func(p []byte) { _, _ = rand.Read(p) }, Enforced: enforced,
		})
		require.NoError(t, err)
		sealed := *at
		sealed.sealer = k
		return sealed.open(t)
	}
	_, err = with(true).Read(t.Context())
	require.ErrorIs(t, err, state.ErrPlain)
	require.ErrorIs(t, with(true).Commit(t.Context(), s, state.Edits{}), state.ErrPlain)

	require.Equal(t, s, read(t, with(false)))
	require.NoError(t, with(false).Commit(t.Context(), s, state.Edits{}))
	require.Equal(t, s, read(t, with(true)))
	_, err = at.open(t).Read(t.Context())
	require.ErrorIs(t, err, state.ErrSealed)
	require.ErrorIs(t, at.open(t).Commit(t.Context(), s, state.Edits{}), state.ErrSealed, "what can't be read isn't overwritten")
	_, err = at.open(t).Journal(t.Context())
	require.ErrorIs(t, err, state.ErrSealed)
}

func commitTimes(t *testing.T, b *Backend, n int) *state.Snapshot {
	t.Helper()
	s := read(t, b)
	for range n {
		require.NoError(t, b.Commit(t.Context(), s, put(statetest.Card(1, fmt.Sprint(s.Serial+1)))))
	}
	return s
}

func TestTheHistoryHasTheLastTenSnapshots(t *testing.T) {
	everywhere(t, func(t *testing.T, at *bucket) {
		b := at.open(t)
		s := commitTimes(t, b, 13)
		list, err := b.History(t.Context())
		require.NoError(t, err)
		require.Len(t, list, 10)
		for i, v := range list {
			serial := uint64(12 - i)
			require.Equal(t, state.Version{Serial: serial, Lineage: s.Lineage, Written: v.Written, Cards: 1, Name: fmt.Sprint(serial)}, v)
			require.False(t, v.Written.IsZero())
			old, err := b.ReadVersion(t.Context(), v.Name)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(serial), old.Cards[0].Last.Status)
		}
		for _, name := range []string{"1", "x", "../hangzhou"} {
			_, err = b.ReadVersion(t.Context(), name)
			require.ErrorIs(t, err, os.ErrNotExist)
		}
	})
}

// overwrite puts one object's content into another's place, as somebody with
// access to the bucket can.
func overwrite(t *testing.T, b *Backend, from, to string) {
	t.Helper()
	body, _, err := b.store.get(t.Context(), from)
	require.NoError(t, err)
	data, err := io.ReadAll(body)
	require.NoError(t, err)
	etag, err := b.store.etag(t.Context(), to)
	require.NoError(t, err)
	_, err = b.store.put(t.Context(), to, bytes.NewReader(data), etag, "by hand")
	require.NoError(t, err)
}

func TestAnOldSealedStateInTheNewOnesPlaceIsRefused(t *testing.T) {
	at := fake(t)
	at.sealer = sealer(t)
	b := at.open(t)
	commitTimes(t, b, 3)
	overwrite(t, b, b.historyKey(2), b.key)
	_, err := b.Read(t.Context())
	require.ErrorContains(t, err, "it has serial 2, but its history has serial 3: an older state was put in its place")
	overwrite(t, b, b.historyKey(3), b.key) // as the message says
	require.Equal(t, "3", read(t, b).Cards[0].Last.Status)

	overwrite(t, b, b.historyKey(1), b.historyKey(2))
	_, err = b.ReadVersion(t.Context(), "2")
	require.ErrorContains(t, err, "it has serial 1: another state was put in its place")
}

func TestAJournalThatIsDamagedOrLacksAGroupIsRefused(t *testing.T) {
	for _, damage := range []struct {
		name, want string
		do         func(t *testing.T, b *Backend, key string)
	}{
		{"a group is gone", "record 3 of serial 0 stands where record 2 of serial 0 is missing", func(t *testing.T, b *Backend, key string) {
			require.NoError(t, b.store.removeAll(t.Context(), []string{key}))
		}},
		{"a group is cut", "its line has no end", func(t *testing.T, b *Backend, key string) {
			rewrite(t, b, key, func(p []byte) []byte { return p[:len(p)-3] })
		}},
		{"a byte is another", "line 2: it was damaged after it was written", func(t *testing.T, b *Backend, key string) {
			rewrite(t, b, key, func(p []byte) []byte { p[30] ^= 1; return p })
		}},
		{"a group stands twice", "stands where record 2 of serial 0 is missing", func(t *testing.T, b *Backend, key string) { overwrite(t, b, b.groupKey(0, 1), key) }},
	} {
		t.Run(damage.name, func(t *testing.T) {
			b := fake(t).open(t)
			j, err := b.Journal(t.Context())
			require.NoError(t, err)
			for n := range 3 {
				require.NoError(t, j.Append(t.Context(), statetest.Put(statetest.Card(n, ""))))
			}
			_, err = b.Journal(t.Context())
			require.ErrorContains(t, err, "it is open already")
			require.NoError(t, j.Close())
			damage.do(t, b, b.groupKey(0, 2))
			_, err = b.Read(t.Context())
			require.ErrorContains(t, err, damage.want)
			_, err = b.Journal(t.Context())
			require.ErrorContains(t, err, damage.want)
		})
	}
}

func rewrite(t *testing.T, b *Backend, key string, change func([]byte) []byte) {
	t.Helper()
	data, err := b.group(t.Context(), key)
	require.NoError(t, err)
	etag, err := b.store.etag(t.Context(), key)
	require.NoError(t, err)
	_, err = b.store.put(t.Context(), key, bytes.NewReader(change(data)), etag, "by hand")
	require.NoError(t, err)
}

func TestAJournalAheadOfItsStateIsRefused(t *testing.T) {
	b := fake(t).open(t)
	commitTimes(t, b, 2)
	j, err := b.Journal(t.Context())
	require.NoError(t, err)
	require.NoError(t, j.Append(t.Context(), statetest.Put(statetest.Card(1, ""))))
	require.NoError(t, j.Close())
	overwrite(t, b, b.historyKey(1), b.key)
	_, err = b.Read(t.Context())
	require.ErrorContains(t, err, "follows serial 2 of the state, but ")
	require.ErrorContains(t, err, "has serial 1: it was replaced by an older one")
}

func TestErrorsSayWhatWasDoneToWhat(t *testing.T) {
	at := fake(t)
	at.settings.Bucket = "nobodys"
	_, err := at.open(t).Read(t.Context())
	require.ErrorContains(t, err, "read the state s3://nobodys/fleets/hangzhou west.state: ")
	require.ErrorContains(t, err, "NoSuchBucket")
	require.NotContains(t, err.Error(), at.settings.SecretKey)
}

func TestTheServersEncryptionIsAskedFor(t *testing.T) {
	at := fake(t)
	at.settings.ServerSideEncryption, at.settings.KMSKeyID = "aws:kms", "key-1"
	asked := 0
	at.through = roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPut && r.Header.Get("X-Amz-Server-Side-Encryption") == "aws:kms" && r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id") == "key-1" {
			asked++
		}
		return transport.RoundTrip(r)
	})
	commitTimes(t, at.open(t), 1)
	require.Equal(t, 5, asked, "the lock, the two writes that prove the store, the snapshot, and its copy in the history")
}

func TestSettings(t *testing.T) {
	base := map[string]any{"bucket": "b", "key": "k"}
	for _, row := range []struct {
		name string
		more map[string]any
		want Settings
		at   string // the setting that is wrong
		says string
	}{
		{"least", nil, Settings{Bucket: "b", Key: "k"}, "", ""},
		{"encrypt", map[string]any{"encrypt": true}, Settings{Bucket: "b", Key: "k", ServerSideEncryption: "AES256"}, "", ""},
		{"kms", map[string]any{"kms_key_id": "id", "encrypt": true}, Settings{Bucket: "b", Key: "k", ServerSideEncryption: "aws:kms", KMSKeyID: "id"}, "", ""},
		{"said", map[string]any{"server_side_encryption": "aws:kms:dsse"}, Settings{Bucket: "b", Key: "k", ServerSideEncryption: "aws:kms:dsse"}, "", ""},
		{"no bucket", map[string]any{"bucket": ""}, Settings{}, "bucket", "bucket is missing"},
		{"no key", map[string]any{"key": ""}, Settings{}, "key", "key is missing"},
		{"slash", map[string]any{"key": "/k"}, Settings{}, "key", "neither begins nor ends with a slash"},
		{"no URL", map[string]any{"endpoint": "minio.example"}, Settings{}, "endpoint", "is no url"},
		{"another cipher", map[string]any{"server_side_encryption": "aes"}, Settings{}, "server_side_encryption", `"aws:kms"`},
		{"half a credential", map[string]any{"secret_key": "x"}, Settings{}, "secret_key", "come together"},
		{"the other half", map[string]any{"access_key": "x"}, Settings{}, "access_key", "come together"},
		{"two credentials", map[string]any{"access_key": "a", "secret_key": "x", "profile": "p"}, Settings{}, "profile", "leave one out"},
	} {
		t.Run(row.name, func(t *testing.T) {
			values, ranges := map[string]any{}, map[string]spec.Range{}
			for _, m := range []map[string]any{base, row.more} {
				for k, v := range m {
					values[k], ranges[k] = v, spec.Range{File: k}
				}
			}
			block := spec.Backend{Type: "s3", Settings: values, Ranges: ranges}
			s := block.Read(schema(), func(string) string { return "" })
			got := settingsOf(s)
			if row.says == "" {
				require.Empty(t, s.Diagnostics())
				require.Equal(t, row.want, got)
				return
			}
			require.Len(t, s.Diagnostics(), 1)
			require.Contains(t, strings.ToLower(s.Diagnostics()[0].Detail), row.says)
			require.Equal(t, row.at, s.Diagnostics()[0].Subject.File)
		})
	}
}

func TestAStoreIsTrustedByTheBundleThatTheEnvironmentNames(t *testing.T) {
	server := httptest.NewTLSServer(gofakes3.New(s3mem.New(), gofakes3.WithTimeSkewLimit(0)).Server())
	t.Cleanup(server.Close)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(bundle, certificate, 0o600))
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	t.Setenv("AWS_CA_BUNDLE", bundle) // with which the SDK takes no client but its own

	variables := map[string]string{"AWS_ACCESS_KEY_ID": s3test.AccessKey, "AWS_SECRET_ACCESS_KEY": s3test.SecretKey, "AWS_REGION": s3test.Region}
	read := func() error {
		own := transport.Clone()
		t.Cleanup(own.CloseIdleConnections)
		env := state.Env{
			Getenv: func(name string) string { return variables[name] }, Now: time.Now, Transport: own,
			Random: func(p []byte) { _, _ = rand.Read(p) },
		}
		block := spec.Backend{Type: "s3", Settings: map[string]any{"bucket": "b", "key": "k", "endpoint": server.URL, "use_path_style": true}}
		b, diags := Type().Open(block, env)
		require.Empty(t, diags)
		_, err := b.Read(t.Context())
		return err
	}
	require.ErrorContains(t, read(), "certificate")
	variables["AWS_CA_BUNDLE"] = bundle
	require.ErrorContains(t, read(), "NoSuchBucket", "the store is trusted, and knows the key by its signature")
}
