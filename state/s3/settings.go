package s3

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Settings say where the state is, in the words of Terraform's backend "s3".
type Settings struct {
	Bucket, Key  string
	Region       string
	Endpoint     string // of another store: "https://minio.example:9000"
	UsePathStyle bool   // https://endpoint/bucket/key, for stores without a name for each bucket
	// AccessKey, SecretKey and Token are credentials; "" leaves it to the AWS SDK to find some.
	AccessKey, SecretKey, Token string
	Profile                     string // in the AWS SDK's files
	// ServerSideEncryption is "AES256", "aws:kms" or "aws:kms:dsse"; "" is the bucket's default.
	ServerSideEncryption string
	KMSKeyID             string
}

// ParseSettings reads a backend block's settings.
func ParseSettings(values map[string]any) (Settings, error) {
	var s Settings
	encrypt := false
	texts := map[string]*string{
		"bucket": &s.Bucket, "key": &s.Key, "region": &s.Region, "endpoint": &s.Endpoint,
		"access_key": &s.AccessKey, "secret_key": &s.SecretKey, "token": &s.Token, "profile": &s.Profile,
		"server_side_encryption": &s.ServerSideEncryption, "kms_key_id": &s.KMSKeyID,
	}
	switches := map[string]*bool{"use_path_style": &s.UsePathStyle, "encrypt": &encrypt}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		text, isText := values[name].(string)
		on, isSwitch := values[name].(bool)
		switch {
		case texts[name] != nil && isText:
			*texts[name] = text
		case switches[name] != nil && isSwitch:
			*switches[name] = on
		case texts[name] != nil:
			return s, fmt.Errorf("%s is a text", name)
		case switches[name] != nil:
			return s, fmt.Errorf("%s is true or false", name)
		default:
			names := slices.Concat(slices.Collect(maps.Keys(texts)), slices.Collect(maps.Keys(switches)))
			slices.Sort(names)
			return s, fmt.Errorf("there is no setting %s; there are %s", name, strings.Join(names, ", "))
		}
	}
	s.encrypt(encrypt)
	return s, s.check()
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

func (s *Settings) check() error {
	switch {
	case s.Bucket == "":
		return errors.New("bucket is missing: the bucket that holds the state")
	case s.Key == "":
		return errors.New(`key is missing: the name of the state in the bucket, such as "fleets/hangzhou.state"`)
	case strings.HasPrefix(s.Key, "/") || strings.HasSuffix(s.Key, "/"):
		return errors.New("key neither begins nor ends with a slash")
	case (s.AccessKey == "") != (s.SecretKey == ""):
		return errors.New("access_key and secret_key come together, or not at all")
	case s.AccessKey != "" && s.Profile != "":
		return errors.New("profile and access_key both say who asks: leave one out")
	}
	return nil
}
