package s3

import (
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Type is the backend as a configuration names it.
func Type() state.Type { return state.Type{Schema: schema(), Open: open, Address: address} }

func schema() spec.Schema {
	return spec.Schema{Type: "s3", Exact: true, Settings: []spec.Setting{
		{Name: "bucket", Doc: "bucket that holds the state"},
		{Name: "key", Doc: "name of the state in the bucket"},
		{Name: "region", Env: "AWS_REGION", TerraformEnv: "AWS_DEFAULT_REGION", Doc: "region of the bucket; else the profile's"},
		{Name: "endpoint", Env: "AWS_ENDPOINT_URL_S3", TerraformEnv: "AWS_ENDPOINT_URL", Doc: `URL of another store, such as "https://minio.example:9000"`},
		{Name: "use_path_style", Type: spec.SettingBool, Doc: "true for stores without a name for each bucket"},
		{Name: "access_key", Doc: "credentials; else the AWS SDK looks for some"},
		{Name: "secret_key", Secret: true, Doc: "goes with access_key"},
		{Name: "token", Secret: true, Doc: "goes with access_key, where it is for a session"},
		{Name: "profile", Env: "AWS_PROFILE", TerraformEnv: "AWS_DEFAULT_PROFILE", Doc: "profile in the AWS SDK's files"},
		{Name: "encrypt", Type: spec.SettingBool, Doc: "whether the store encrypts: AES256, or with the key"},
		{Name: "server_side_encryption", Doc: `how the store encrypts: "AES256", "aws:kms" or "aws:kms:dsse"`},
		{Name: "kms_key_id", Doc: "key with which the store encrypts"},
		spec.AllowPlaintext(),
	}}
}

// Settings say where the state is, in the words of Terraform's backend "s3".
type Settings struct {
	Bucket, Key  string
	Region       string
	Endpoint     string // of another store: "https://minio.example:9000"
	UsePathStyle bool   // https://endpoint/bucket/key, for stores without a name for each bucket
	// AccessKey, SecretKey and Token are credentials; "" leaves it to the AWS SDK to find some.
	AccessKey, SecretKey, Token string
	Profile                     string // in the AWS SDK's files
	ownProfile                  bool   // the block says it, so it counts before keys in the environment
	// ServerSideEncryption is "AES256", "aws:kms" or "aws:kms:dsse"; "" is the bucket's default.
	ServerSideEncryption string
	KMSKeyID             string
}

func open(block spec.Backend, env state.Env) (state.Backend, spec.Diagnostics) {
	s := env.Settings(block, schema())
	settings := settingsOf(s)
	checkVariables(s, settings)
	if s.Diagnostics().HasErrors() || env.OnlyTheBlock {
		return nil, s.Diagnostics()
	}
	b, err := New(settings, env)
	if err != nil {
		s.Mistake("region", "Invalid backend", spec.Sentence(err))
		return nil, s.Diagnostics()
	}
	return b, s.Diagnostics()
}

// settingsOf reads and checks the block.
func settingsOf(s *spec.Settings) Settings {
	out := Settings{
		Bucket: s.String("bucket", ""), Key: s.String("key", ""), Region: s.String("region", ""),
		Endpoint: s.String("endpoint", ""), UsePathStyle: s.Bool("use_path_style", false),
		AccessKey: s.String("access_key", ""), SecretKey: s.String("secret_key", ""), Token: s.String("token", ""),
		Profile: s.String("profile", ""), ownProfile: s.Said("profile"),
		ServerSideEncryption: s.String("server_side_encryption", ""), KMSKeyID: s.String("kms_key_id", ""),
	}
	if !s.Said("endpoint") && strings.EqualFold(s.Getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), "true") {
		out.Endpoint = ""
	}
	out.encrypt(s.Bool("encrypt", false))
	out.check(s)
	return out
}

// encrypt is Terraform's short word for the server's own encryption.
func (s *Settings) encrypt(on bool) {
	switch {
	case s.ServerSideEncryption != "":
	case s.KMSKeyID != "":
		s.ServerSideEncryption = "aws:kms"
	case on:
		s.ServerSideEncryption = "AES256"
	}
}

func (s *Settings) check(block *spec.Settings) {
	wrong := func(setting, detail string) { block.Mistake(setting, "Invalid backend", detail) }
	if s.Bucket == "" {
		wrong("bucket", "Bucket is missing: the bucket that holds the state.")
	}
	switch {
	case s.Key == "":
		wrong("key", `Key is missing: the name of the state in the bucket, such as "fleets/hangzhou.state".`)
	case strings.HasPrefix(s.Key, "/") || strings.HasSuffix(s.Key, "/"):
		wrong("key", "Key neither begins nor ends with a slash.")
	}
	u, err := url.Parse(s.Endpoint)
	switch {
	case s.Endpoint == "":
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		wrong("endpoint", `Endpoint is no URL that starts with http:// or https://, such as "https://minio.example:9000".`)
	case spec.PlainHTTP(u):
		block.Plaintext("endpoint", "endpoint is http to "+u.Hostname()+", which isn't this machine: the state could be read and changed on its way. Write https.")
	}
	if known := types.ServerSideEncryption("").Values(); s.ServerSideEncryption != "" && !slices.Contains(known, types.ServerSideEncryption(s.ServerSideEncryption)) {
		wrong("server_side_encryption", `Server_side_encryption is "AES256", "aws:kms" or "aws:kms:dsse".`)
	}
	switch {
	case s.AccessKey == "" && s.SecretKey != "":
		wrong("secret_key", "Access_key and secret_key come together, or not at all.")
	case s.AccessKey != "" && s.SecretKey == "":
		wrong("access_key", "Access_key and secret_key come together, or not at all.")
	}
	if s.AccessKey != "" && block.Said("profile") {
		wrong("profile", "Profile and access_key both say who asks: leave one out.")
	}
}

// checkVariables refuses credentials that can't be as they were meant, where the
// AWS SDK would take them.
func checkVariables(block *spec.Settings, s Settings) {
	if s.AccessKey != "" || s.ownProfile {
		return
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN"} {
		if wrapped := spec.Wrapped(block.Getenv(name)); wrapped != "" {
			block.Mistake("secret_key", "Unusable value", "The variable "+name+" of the environment "+wrapped)
		}
	}
}

func address(block spec.Backend, env state.Env) string {
	s := env.Settings(block, schema())
	return s.String("bucket", "") + "/" + s.String("key", "")
}
