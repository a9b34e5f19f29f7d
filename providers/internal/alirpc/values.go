package alirpc

import "github.com/cardfleet/cardfleet/spec"

// Credentials are the settings that hold an access key.
func Credentials() []spec.Setting {
	return []spec.Setting{
		{Name: "access_key_id", Type: spec.SettingString, Env: "ALIBABA_CLOUD_ACCESS_KEY_ID", Doc: "id of the access key"},
		{Name: "access_key_secret", Type: spec.SettingString, Env: "ALIBABA_CLOUD_ACCESS_KEY_SECRET", Secret: true, Doc: "secret of the access key"},
	}
}
