package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAFleetMayNameItsTimeZone(t *testing.T) {
	require.Equal(t, "Asia/Shanghai", mustLoad(t, map[string]string{"main.fleet.hcl": `fleet { zone = "Asia/Shanghai" }`}).Fleet.Zone)
	for text, want := range map[string]string{
		`fleet { zone = "Shanghai" }`:                                  `"Shanghai" is no time zone. Write the name of one from the IANA database`,
		`fleet { zone = "Local" }`:                                     `"Local" is no time zone`,
		`fleet { zone = "" }`:                                          "zone is blank",
		"fleet { zone = \"UTC\" }\nfleet { zone = \"Asia/Shanghai\" }": "The fleet's zone",
	} {
		_, diags := Load(testOptions(writeFiles(t, map[string]string{"main.fleet.hcl": text})))
		require.Len(t, diags, 1, text)
		assert.Contains(t, diags[0].Summary+" "+diags[0].Detail, want)
		require.NotNil(t, diags[0].Subject, text)
	}
}
