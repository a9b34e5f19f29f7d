package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/cardfleet/cardfleet/spec/file"
	"github.com/cardfleet/cardfleet/state"
)

// What the block leaves out, the AWS SDK looks for where its users expect it:
// in its variables, in ~/.aws, and with the machine or the job. Region, endpoint,
// profile, access key, a role by web identity, files and certificates are looked
// up through our environment. A container's credentials, which count only where
// ~/.aws has none, the SDK looks for in the process's: it can't be told them.

// awsConfig asks the SDK for what the settings leave out.
func awsConfig(s Settings, env state.Env) (aws.Config, error) {
	transport, err := withAuthorities(env)
	if err != nil {
		return aws.Config{}, err
	}
	client := &http.Client{Transport: staying{transport}}
	if s.AccessKey != "" && (s.Region != "" || s.Endpoint != "") {
		return aws.Config{Region: s.Region, HTTPClient: client, Credentials: static(s.AccessKey, s.SecretKey, s.Token)}, nil
	}
	// It reads files only; what it asks the network for comes with the first request.
	cfg, err := config.LoadDefaultConfig(context.Background(), loadOptions(s, env)...)
	if err != nil {
		return cfg, fmt.Errorf("find AWS credentials: %w", err)
	}
	cfg.HTTPClient = client
	if role := webIdentity(s, cfg, env); role != nil {
		cfg.Credentials = aws.NewCredentialsCache(role)
	}
	return cfg, nil
}

// webIdentity is the role that a job has by its token, as CI and Kubernetes give
// them; nil where there is none, or where a key or a profile counts before it.
func webIdentity(s Settings, cfg aws.Config, env state.Env) aws.CredentialsProvider {
	file, role := lookUp(env, "AWS_WEB_IDENTITY_TOKEN_FILE"), lookUp(env, "AWS_ROLE_ARN")
	if file == "" || role == "" || s.AccessKey != "" || s.Profile != "" || ownKeys(env) {
		return nil
	}
	return stscreds.NewWebIdentityRoleProvider(sts.NewFromConfig(cfg), role, stscreds.IdentityTokenFile(file), func(o *stscreds.WebIdentityRoleOptions) {
		o.RoleSessionName = lookUp(env, "AWS_ROLE_SESSION_NAME")
	})
}

// ownKeys reports whether the environment has an access key.
func ownKeys(env state.Env) bool {
	return lookUp(env, "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY") != "" && lookUp(env, "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY") != ""
}

func static(key, secret, token string) aws.CredentialsProvider {
	return aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider(key, secret, token))
}

func loadOptions(s Settings, env state.Env) []func(*config.LoadOptions) error {
	options := []func(*config.LoadOptions) error{config.WithHTTPClient(sdkClient(env.Transport))}
	if s.Region != "" {
		options = append(options, config.WithRegion(s.Region))
	}
	if s.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(s.Profile))
	}
	if s.AccessKey != "" {
		options = append(options, config.WithCredentialsProvider(static(s.AccessKey, s.SecretKey, s.Token)))
	} else if ownKeys(env) && !s.ownProfile {
		key, secret := lookUp(env, "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"), lookUp(env, "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY")
		options = append(options, config.WithCredentialsProvider(static(key, secret, lookUp(env, "AWS_SESSION_TOKEN"))))
	}
	if file := lookUp(env, "AWS_CONFIG_FILE"); file != "" {
		options = append(options, config.WithSharedConfigFiles([]string{file}))
	}
	if file := lookUp(env, "AWS_SHARED_CREDENTIALS_FILE"); file != "" {
		options = append(options, config.WithSharedCredentialsFiles([]string{file}))
	}
	return options
}

// lookUp is the first of the variables that is set.
func lookUp(env state.Env, names ...string) string {
	if env.Getenv == nil {
		return ""
	}
	for _, name := range names {
		if v := env.Getenv(name); v != "" {
			return v
		}
	}
	return ""
}

// sdkClient makes the requests for credentials of the machine or the container.
// The SDK refuses to start with AWS_CA_BUNDLE set and any other type of client than
// its own, so it gets its own with our proxy and dialer. What isn't made of these,
// a test's transport, can't be handed on, so that the client reaches nothing.
func sdkClient(transport http.RoundTripper) config.HTTPClient {
	ours, ok := transport.(*http.Transport)
	if !ok {
		ours = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, errUnreachable }}
	}
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.Proxy, t.DialContext = ours.Proxy, ours.DialContext
		if ours.TLSClientConfig != nil {
			t.TLSClientConfig = ours.TLSClientConfig.Clone()
		}
	})
}

var errUnreachable = errors.New("this program's transport dials nobody")

// withAuthorities is the transport, which besides trusts those who vouch for
// the store by AWS_CA_BUNDLE, a file of certificates.
func withAuthorities(env state.Env) (http.RoundTripper, error) {
	ours, ok := env.Transport.(*http.Transport)
	bundle := lookUp(env, "AWS_CA_BUNDLE")
	if !ok || bundle == "" {
		return env.Transport, nil
	}
	pem, err := file.Read(bundle)
	if err != nil {
		return nil, fmt.Errorf("read AWS_CA_BUNDLE: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // the system has none that can be read
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("AWS_CA_BUNDLE names a file that holds no certificate in PEM")
	}
	trusting := ours.Clone()
	if trusting.TLSClientConfig == nil {
		trusting.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	trusting.TLSClientConfig.RootCAs = pool
	return trusting, nil
}

// staying answers a redirect with an error. Followed, a request would be signed
// for another host, and a conditional write would be lost on its way.
type staying struct{ http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t staying) RoundTrip(r *http.Request) (*http.Response, error) {
	reply, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	switch reply.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return reply, nil
	}
	e := &redirectedError{status: reply.StatusCode, region: reply.Header.Get("X-Amz-Bucket-Region")}
	if to, err := reply.Location(); err == nil {
		e.address = (&url.URL{Scheme: to.Scheme, Host: to.Host}).String()
	}
	return nil, errors.Join(e, reply.Body.Close())
}

// redirectedError says that the store sends its clients elsewhere.
type redirectedError struct {
	status          int
	address, region string // where to; "" where the store doesn't say
}

// Error says what to write in the block.
func (e *redirectedError) Error() string {
	text := fmt.Sprintf("the store answered %d %s; redirects are never followed", e.status, http.StatusText(e.status))
	switch {
	case e.region != "":
		return text + fmt.Sprintf(": the bucket is in the region %[1]s; write region = %[1]q in the backend block", e.region)
	case e.address != "":
		return text + fmt.Sprintf(": it sends its clients to %[1]s; where that is the right place, write endpoint = %[1]q in the backend block", e.address)
	}
	return text + ": it sends its clients elsewhere and doesn't say where; write the bucket's own endpoint or region in the backend block"
}

// RetryableError tells the AWS SDK that asking again changes nothing.
func (e *redirectedError) RetryableError() bool { return false }
