package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/cardfleet/cardfleet/state"
)

// store is the bucket, by the few operations that are needed of it.
type store struct {
	api    *s3.Client
	bucket string
	sse    types.ServerSideEncryption
	kmsKey *string
}

var (
	// errAbsent says that there is no such object.
	errAbsent = errors.New("there is no such object")
	// errTaken says that the object isn't what the write goes by.
	errTaken = errors.New("another run wrote it meanwhile")
)

// writeID is the metadata that tells a write from another one.
const writeID = "cardfleet-write"

func newStore(s Settings, env state.Env) (*store, error) {
	cfg, err := awsConfig(s, env)
	if err != nil {
		return nil, err
	}
	if cfg.Region == "" && s.Endpoint != "" {
		cfg.Region = "us-east-1" // other stores don't look at it, but the signature has it
	}
	if cfg.Region == "" {
		return nil, errors.New("region is missing, and neither AWS_REGION nor the profile says one")
	}
	api := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = s.UsePathStyle
		if s.Endpoint != "" {
			o.BaseEndpoint = &s.Endpoint
		}
		// The signature covers what is sent. The checksums beyond it aren't
		// understood by every store.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	})
	st := &store{api: api, bucket: s.Bucket, sse: types.ServerSideEncryption(s.ServerSideEncryption)}
	if s.KMSKeyID != "" {
		st.kmsKey = &s.KMSKeyID
	}
	return st, nil
}

// get opens an object.
func (st *store) get(ctx context.Context, key string) (body io.ReadCloser, etag string, err error) {
	out, err := st.api.GetObject(ctx, &s3.GetObjectInput{Bucket: &st.bucket, Key: &key})
	if err != nil {
		return nil, "", st.explain(err)
	}
	return out.Body, aws.ToString(out.ETag), nil
}

// etag is the object's ETag.
func (st *store) etag(ctx context.Context, key string) (string, error) {
	etag, _, err := st.head(ctx, key)
	return etag, err
}

func (st *store) head(ctx context.Context, key string) (etag, id string, err error) {
	out, err := st.api.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &st.bucket, Key: &key})
	if err != nil {
		return "", "", st.explain(err)
	}
	return aws.ToString(out.ETag), out.Metadata[writeID], nil
}

// put writes an object in the place of the one with that ETag, or of none for
// "". Where the answer to a write was lost and the SDK sent it again, the
// second one finds the first in its way: id tells that from another's write.
func (st *store) put(ctx context.Context, key string, body io.ReadSeeker, etag, id string) (string, error) {
	out, err := st.api.PutObject(ctx, st.write(key, body, etag, id))
	if err == nil {
		return aws.ToString(out.ETag), nil
	}
	err = st.explain(err)
	if errors.Is(err, errAbsent) {
		return "", fmt.Errorf("%w (%w)", errTaken, err) // what was to be replaced is gone
	}
	if errors.Is(err, errTaken) {
		if now, by, headErr := st.head(ctx, key); headErr == nil && by == id {
			return now, nil
		}
	}
	return "", err
}

// write is the request to write an object; see [store.put].
func (st *store) write(key string, body io.ReadSeeker, etag, id string) *s3.PutObjectInput {
	in := &s3.PutObjectInput{
		Bucket: &st.bucket, Key: &key, Body: body, Metadata: map[string]string{writeID: id},
		ServerSideEncryption: st.sse, SSEKMSKeyId: st.kmsKey,
	}
	if etag == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = &etag
	}
	return in
}

// remove deletes the object where it has that ETag still. A store that doesn't
// know the condition deletes it anyway, so look before.
func (st *store) remove(ctx context.Context, key, etag string) error {
	_, err := st.api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &st.bucket, Key: &key, IfMatch: &etag})
	return st.explain(err)
}

// mostDeleted is how many objects one request deletes.
const mostDeleted = 1000

func (st *store) removeAll(ctx context.Context, keys []string) error {
	for part := range slices.Chunk(keys, mostDeleted) {
		ids := make([]types.ObjectIdentifier, len(part))
		for i := range part {
			ids[i].Key = &part[i]
		}
		_, err := st.api.DeleteObjects(ctx, &s3.DeleteObjectsInput{
			Bucket: &st.bucket, Delete: &types.Delete{Objects: ids, Quiet: aws.Bool(true)},
		})
		if err != nil {
			return st.explain(err)
		}
	}
	return nil
}

// list returns the names that begin with prefix, in their order.
func (st *store) list(ctx context.Context, prefix string) ([]types.Object, error) {
	var all []types.Object
	pages := s3.NewListObjectsV2Paginator(st.api, &s3.ListObjectsV2Input{Bucket: &st.bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, st.explain(err)
		}
		all = append(all, page.Contents...)
	}
	slices.SortFunc(all, func(a, b types.Object) int { return cmp.Compare(*a.Key, *b.Key) })
	return all, nil
}

// copy copies an object that has that ETag still, within the store.
func (st *store) copy(ctx context.Context, from, etag, to string) error {
	_, err := st.api.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: &st.bucket, Key: &to, CopySource: aws.String(st.bucket + "/" + (&url.URL{Path: from}).EscapedPath()), CopySourceIfMatch: &etag,
		ServerSideEncryption: st.sse, SSEKMSKeyId: st.kmsKey,
	})
	return st.explain(err)
}

// passing reports whether an error is of a store that is away, or has too much to
// do: the same may succeed a little later.
func passing(err error) bool {
	var answered *smithyhttp.ResponseError
	if errors.As(err, &answered) {
		code := answered.HTTPStatusCode()
		return code >= http.StatusInternalServerError && code != http.StatusNotImplemented || code == http.StatusTooManyRequests
	}
	var unsent *smithyhttp.RequestSendError
	var network net.Error
	return errors.As(err, &unsent) || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded)
}

// explain tells what callers branch on from the rest.
func (st *store) explain(err error) error {
	var api smithy.APIError
	if err == nil || !errors.As(err, &api) {
		return err
	}
	switch api.ErrorCode() {
	case "NoSuchKey", "NotFound":
		return errAbsent
	case "PreconditionFailed", "ConditionalRequestConflict":
		return errTaken
	case "NotImplemented":
		return fmt.Errorf("%w; the store has to know conditional writes. %s", err, fitStores)
	}
	return err
}
