package main

import (
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

func TestGitHubsRegistryTakesTheTokenThatPublishesTheRelease(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir()) // nobody has logged in
	t.Setenv("GITHUB_TOKEN", "the token")
	for registry, want := range map[string]string{"ghcr.io": "the token", "registry.example.com": ""} {
		got := password(t, registry)
		if got != want {
			t.Errorf("%s gets %q, and should get %q", registry, got, want)
		}
	}
}

func password(t *testing.T, registry string) string {
	t.Helper()
	to, err := name.NewRegistry(registry)
	if err != nil {
		t.Fatal(err)
	}
	key, err := keys.Resolve(to)
	if err != nil {
		t.Fatal(err)
	}
	config, err := authn.Authorization(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return config.Password
}
