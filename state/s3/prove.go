package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
)

// noObjects is an ETag that no object has: an MD5 sum that nobody has found a
// text for.
const noObjects = `"00000000000000000000000000000000"`

// errUnfit says that a store took a write that it had to refuse.
var errUnfit = errors.New("the store takes a conditional write that it has to refuse")

// prove looks, once a process, whether the store refuses a second lock beside
// the one that this run has written, and one in the place of another object. A
// store that passes over the conditions takes both, without a word, and has no
// lock. What it is sent is the lock as it is, so it matters to nobody.
func (b *Backend) prove(ctx context.Context, l *lease) error {
	if b.proved.Load() {
		return nil
	}
	text := b.lockText(l)
	for _, condition := range []struct{ header, etag string }{{"If-None-Match: *", ""}, {"If-Match", noObjects}} {
		err := b.store.refuses(ctx, b.lockKey(), text, condition.etag)
		if errors.Is(err, errUnfit) {
			return fmt.Errorf("%w (%s, at %s), so two runs would have the lock at once, and change the same cards: nothing is done. %s", err, condition.header, b.store.address(), fitStores)
		}
		if err != nil {
			return fmt.Errorf("look whether the store knows conditional writes (%s): %w", condition.header, err)
		}
	}
	b.proved.Store(true)
	return nil
}

// fitStores names stores whose documents promise both conditions of PutObject,
// and those that are known not to do.
const fitStores = "Amazon S3, Cloudflare R2, Ceph, MinIO and versitygw know If-None-Match and If-Match of PutObject, and will do; " +
	"Alibaba Cloud OSS and Tencent COS don't, since their own headers only keep an object from being overwritten. " +
	`Or take another backend: "postgres", or "http" with a lock_address`

// refuses sends a write that a store has to refuse: one beside the object that
// is there, or, with an ETag, in the place of an object that isn't. The error is
// errUnfit where the store takes it.
func (st *store) refuses(ctx context.Context, key string, text []byte, etag string) error {
	_, err := st.api.PutObject(ctx, st.write(key, bytes.NewReader(text), etag, ""))
	if err == nil {
		return errUnfit
	}
	if err = st.explain(err); errors.Is(err, errTaken) {
		return nil
	}
	return err
}

// address is where the store is, as it may be shown.
func (st *store) address() string {
	if endpoint := st.api.Options().BaseEndpoint; endpoint != nil {
		if u, err := url.Parse(*endpoint); err == nil {
			return (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
		}
	}
	return "the region " + st.api.Options().Region + " of Amazon S3"
}
