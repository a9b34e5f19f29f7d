package spec

import (
	"encoding/json"
	"html"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestASecretIsFoundInEverySpellingThatATextMayGiveIt(t *testing.T) {
	const secret = "p@ss w<or>d/\"quoted\"\nMIIEsecretsecret+line\n&ende=ü"
	inJSON, err := json.Marshal(secret)
	require.NoError(t, err)
	for _, text := range []string{
		secret, strconv.Quote(secret), strconv.QuoteToASCII(secret), string(inJSON), url.QueryEscape(secret), url.PathEscape(secret),
		percentCode().ReplaceAllStringFunc(url.QueryEscape(secret), strings.ToLower),
		url.UserPassword("u", secret).String(), html.EscapeString(secret), "one line: MIIEsecretsecret+line",
	} {
		said := text
		for _, form := range SecretForms(secret) {
			said = strings.ReplaceAll(said, form, "***")
		}
		assert.NotContains(t, said, "MIIE", "%q", text)
		assert.NotContains(t, said, "or", "%q", text)
	}
}

func TestThePasswordOfAnAddressIsASecretByItself(t *testing.T) {
	assert.Equal(t, []string{"hunter 2"}, SecretParts("postgres://u:hunter%202@db/cards"))
	assert.Equal(t, []string{"hunter2"}, SecretParts("host=db password=hunter2 dbname=x"))
	assert.Equal(t, []string{"hunter 2"}, SecretParts("host=db password='hunter 2'"))
	assert.Empty(t, SecretParts("sEcReTsEcReT"))
}

func TestWhatStandsAroundACredentialIsSaidAndTheCredentialIsNot(t *testing.T) {
	for text, says := range map[string]string{
		"testsecret\n": "newline", "testsecret\r\n": "newline", "testsecret ": "white space", "\ttestsecret": "white space", "\ufefftestsecret": "white space",
		`"testsecret"`: "quotes", "'testsecret'": "quotes", "\"testsecret\"\n": "newline",
	} {
		assert.Contains(t, Wrapped(text), says, "%q", text)
		assert.NotContains(t, Wrapped(text), "testsecret")
	}
	for _, text := range []string{"", "testsecret", `test"secret`, "two words", `"`, `'a"`} {
		assert.Empty(t, Wrapped(text), "%q", text)
	}
}
