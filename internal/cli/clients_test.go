package cli_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/internal/cli"
)

// The carriers' own clients call what `cardfleet simulator` serves, at the
// addresses that it prints: what they are refused, the simulator gets wrong.
// testdata/clients/README.md lists them with their versions.

const clientsFolder = "testdata/clients"

// answered is what one call of a client gave, as the clients print it.
type answered struct {
	Answer                json.RawMessage
	Code, Message, HostID string
}

// member is a member of the answer, by its path.
func (a answered) member(t *testing.T, path string) any {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal(a.Answer, &value), "%+v", a)
	for name := range strings.SplitSeq(path, ".") {
		if list, ok := value.([]any); ok {
			require.NotEmpty(t, list, "%s of %s", path, a.Answer)
			value = list[0]
		}
		object, _ := value.(map[string]any)
		require.Contains(t, object, name, "%s of %s", path, a.Answer)
		value = object[name]
	}
	return value
}

// leftOut leaves a test out where something could not be installed; CI leaves
// nothing out.
func leftOut(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(format+", and CI leaves nothing out", args...)
	}
	t.Skipf("LEFT OUT: "+format, args...)
}

// installed are the folders of clients that were made ready, for stopClients.
var installed struct {
	sync.Mutex
	npm     map[string]func() (string, error) // by the folder's name
	folders []string
}

func stopClients() {
	installed.Lock()
	defer installed.Unlock()
	for _, folder := range installed.folders {
		_ = os.RemoveAll(folder) // in the system's folder for such
	}
}

func clientsTemp() (string, error) {
	folder, err := os.MkdirTemp("", "cardfleet-clients-")
	if err == nil {
		installed.folders = append(installed.folders, folder)
	}
	return folder, err
}

// npmClients is a folder with npm clients, installed once for all tests and outside
// of the repository. npm's cache serves them from the second time on.
func npmClients(t *testing.T, name string) string {
	t.Helper()
	needs(t, "node")
	needs(t, "npm")
	installed.Lock()
	defer installed.Unlock()
	if installed.npm == nil {
		installed.npm = map[string]func() (string, error){}
	}
	if installed.npm[name] == nil {
		installed.npm[name] = sync.OnceValues(func() (string, error) { return installNpm(name) })
	}
	folder, err := installed.npm[name]()
	if err != nil {
		leftOut(t, "npm ci: %v", err)
	}
	return folder
}

func installNpm(name string) (string, error) {
	folder, err := clientsTemp()
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(folder, os.DirFS(clientsFolder+"/"+name)); err != nil {
		return "", err
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund")
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return folder, nil
}

// goClient builds the client in a folder with a go.mod of its own.
func goClient(t *testing.T, name string) string {
	t.Helper()
	run := func(args ...string) ([]byte, error) {
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Env = filepath.Join(clientsFolder, name), append(os.Environ(), "GOWORK=off")
		return cmd.CombinedOutput()
	}
	if out, err := run("mod", "download"); err != nil {
		leftOut(t, "go mod download in %s: %v\n%s", name, err, out)
	}
	program := filepath.Join(t.TempDir(), name)
	out, err := run("build", "-o", program, ".")
	require.NoError(t, err, "%s", out)
	return program
}

// calls runs a client, and reads what its calls gave.
func calls(t *testing.T, cmd *exec.Cmd) map[string]answered {
	t.Helper()
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	require.NoError(t, err, "%s\n%s", out, errors.String())
	var results map[string]answered
	require.NoError(t, json.Unmarshal(out, &results), "%s", out)
	require.NotEmpty(t, results)
	return results
}

func npmCalls(t *testing.T, script string, args ...string) map[string]answered {
	t.Helper()
	return npmCallsIn(t, "npm", script, args...)
}

// npmCallsIn runs a script of one of the folders with npm clients.
func npmCallsIn(t *testing.T, folder, script string, args ...string) map[string]answered {
	t.Helper()
	cmd := exec.Command("node", append([]string{script}, args...)...)
	cmd.Dir = npmClients(t, folder)
	return calls(t, cmd)
}

// clientsWorld is what the clients find.
const clientsWorld = `{
  "cards": [{"iccid": "89860617030017300390", "msisdn": "1064633113571", "imei": "867194030000017", "packages": [{"id": "10001", "name": "100 MB"}]}],
  "numbers": [{"pool": "FC12345", "subs": "12345", "status": 1, "number": "17000000000"}, {"pool": "FC12345", "subs": "3", "status": 3}]
}`

// printedLine is a provider, or a setting of it with its base URL.
var printedLine = regexp.MustCompile(`^  (?:provider "(\w+)" \{|  (\w+) = "(http://.+)")$`)

// served is a `cardfleet simulator` that runs until the test ends: the base URLs
// that it printed, by provider and setting.
func served(t *testing.T, options ...string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "world.json"), []byte(clientsWorld), 0o600))
	ctx, cancel := context.WithCancel(context.Background())
	printed, out := io.Pipe()
	done := make(chan int, 1)
	env := &cli.Env{
		Dir: dir, In: strings.NewReader(""), Out: out, Err: io.Discard, LookupEnv: func(string) (string, bool) { return "", false },
		Now: time.Now, Sleep: func(context.Context, time.Duration) error { return nil }, Random: fill, Transport: http.DefaultTransport,
	}
	go func() {
		done <- cli.Run(ctx, append([]string{"simulator", "-listen=127.0.0.1:0", "-world=world.json"}, options...), env)
		_ = out.Close() // it can't fail
	}()
	t.Cleanup(func() {
		cancel()
		_, _ = io.Copy(io.Discard, printed) // what it says as it ends
		assert.Equal(t, 0, <-done)
	})
	addresses, provider := map[string]string{}, ""
	for lines := bufio.NewScanner(printed); lines.Scan() && !strings.HasPrefix(lines.Text(), "Interrupt"); {
		switch m := printedLine.FindStringSubmatch(lines.Text()); {
		case m == nil:
		case m[1] != "":
			provider = m[1]
		default:
			addresses[provider+"."+m[2]] = m[3]
		}
	}
	require.Contains(t, addresses, "aliyun.endpoint")
	return addresses
}

// host is an address without its scheme, as most SDKs want it.
func host(address string) string { return strings.TrimPrefix(address, "http://") }

// wantMissing is how the gateway refuses a call without its ICCID.
func wantMissing(t *testing.T, got answered) {
	t.Helper()
	assert.Equal(t, answered{Code: "MissingIccid", Message: "Iccid is mandatory for this action.", HostID: "127.0.0.1"}, got)
}

func TestAlibabasClientForDyiotapiCallsEachOfIts16Actions(t *testing.T) {
	t.Parallel()
	got := npmCalls(t, "dyiotapi.js", host(served(t, "-own-ports")["aliyun.endpoint"]))
	require.Len(t, got, 18, "%s", slices.Sorted(maps.Keys(got)))
	for action, want := range map[string]struct {
		path string
		want any
	}{
		"QueryCardStatus": {"cardStatus.userStatus", "正常"}, "QueryCardInfo": {"cardInfo.msisdn", "1064633113571"},
		"QueryCardsInfo": {"cardsInfo.iccid", "89860617030017300390"}, "QueryCardFlowInfo": {"cardFlowInfos.cardFlowInfo.resourceType", "6700001"},
		"QueryCardHistoryFlowInfo": {"success", true}, "QueryIotCardOfferDtl": {"cardOfferDetail.detail.offerId", "10001"},
		"QueryPersonalInfo": {"module", "true"}, "DoIotIsImeiExist": {"iotImeiExist.isImeiExist", false},
		"DoIotPostImei": {"iotPostImei.isPostSuccess", true}, "DoIotChgBindOrUnBind": {"iotModBind.isModSuccess", true},
		"DoIotUserStopResume": {"result.controlResult", true}, "DoIotUnbindResume": {"data", false},
		"DoIotRecharge": {"iotRecharge.orderResult", "true"}, "DoIotSetRemindConfig": {"code", "OK"},
		"DoIotSetAbsoluteRemindConfig": {"code", "OK"}, "DoSendIotSms": {"code", "OK"},
	} {
		assert.Equal(t, "OK", got[action].member(t, "code"), action)
		assert.Equal(t, want.want, got[action].member(t, want.path), action)
	}
	wantMissing(t, got["no ICCID"])
	assert.Equal(t, "isv.IOT_RES_NOT_EXIST", got["nobody's card"].Code)
}

// Its endpoint may have a path: the printed one, with and without a slash.
func TestPopCoreIsAcceptedByGETAndByPOST(t *testing.T) {
	t.Parallel()
	shared := served(t)["aliyun.endpoint"]
	for _, address := range []string{served(t, "-own-ports")["aliyun.endpoint"], shared, shared + "/"} {
		got := npmCalls(t, "pop-core.js", address)
		for _, method := range []string{"GET", "POST"} {
			assert.Equal(t, "正常", got[method+" QueryCardStatus"].member(t, "CardStatus.UserStatus"), address)
			assert.Equal(t, true, got[method+" DoIotPostImei"].member(t, "IotPostImei.IsPostSuccess"), address)
			wantMissing(t, got[method+" no ICCID"])
			assert.Equal(t, "isv.IOT_RES_NOT_EXIST", got[method+" nobody's card"].Code, address)
		}
	}
}

func TestClientsThatSignWithACS3AreAccepted(t *testing.T) {
	t.Parallel()
	addresses := served(t, "-own-ports")
	got := npmCalls(t, "openapi.js", host(addresses["aliyun.endpoint"]), host(addresses["aliyun_linkcard.endpoint"]))
	for _, client := range []string{"openapi-client", "openapi-core"} {
		assert.Equal(t, "89860617030017300390", got[client+" list"].member(t, "Data.List.Iccid"), client)
		assert.Equal(t, true, got[client+" stop"].member(t, "Data"), client)
		assert.Equal(t, "BusinessProcessError", got[client+" rebind"].member(t, "Code"), "%s: the card's owner stopped it", client)
		assert.Equal(t, true, got[client+" resume"].member(t, "Data"), client)
	}
	maps.Copy(got, calls(t, exec.Command(goClient(t, "darabonba"), host(addresses["aliyun.endpoint"]))))
	require.Len(t, got, 28)
	for _, client := range []string{"openapi-client", "openapi-core", "ACS3", "RPC"} {
		for _, way := range []string{"query", "GET"} {
			assert.Equal(t, "正常", got[client+" "+way].member(t, "CardStatus.UserStatus"), client)
		}
		assert.Equal(t, true, got[client+" form"].member(t, "IotPostImei.IsPostSuccess"), client)
		assert.Equal(t, true, got[client+" both"].member(t, "Result.ControlResult"), client)
		wantMissing(t, got[client+" no ICCID"])
	}
}

func TestAlibabasGoSDKIsAcceptedWithQueryAndFormParameters(t *testing.T) {
	t.Parallel()
	addresses := served(t, "-own-ports")
	got := calls(t, exec.Command(goClient(t, "sdk-1.63"), host(addresses["aliyun.endpoint"]), host(addresses["aliyun.privacy_endpoint"])))
	require.Len(t, got, 8)
	for _, way := range []string{"query", "GET"} {
		assert.Equal(t, "正常", got[way].member(t, "CardStatus.UserStatus"), way)
	}
	assert.Equal(t, true, got["form"].member(t, "IotPostImei.IsPostSuccess"))
	assert.Equal(t, true, got["both"].member(t, "Result.ControlResult"))
	wantMissing(t, got["no ICCID"])
	assert.Equal(t, "isv.IOT_RES_NOT_EXIST", got["nobody's card"].Code)
	assert.Equal(t, "OK", got["QuerySubscriptionDetail"].member(t, "Code"))
	assert.Equal(t, "17000000000", got["QuerySubscriptionDetail"].member(t, "Detail.PhoneNoX"))
	assert.Equal(t, answered{Code: "isv.NO_NOT_EXIST", Message: "号码不存在", HostID: "127.0.0.1"}, got["a number of nobody's"])
}

// It reads Status and CalledNo in this case, and in no other.
func TestTheSDKOfQueryCallStatusReadsItsAnswers(t *testing.T) {
	t.Parallel()
	got := calls(t, exec.Command(goClient(t, "sdk-1.61"), host(served(t, "-own-ports")["aliyun.privacy_endpoint"])))
	for subs, want := range map[string][2]any{"12345": {1.0, "17000000000"}, "3": {3.0, ""}} {
		assert.Equal(t, "OK", got[subs].member(t, "Code"))
		assert.Equal(t, want, [2]any{got[subs].member(t, "Status"), got[subs].member(t, "CalledNo")}, subs)
	}
}

// What the documents' samples send, run in those of their languages that are
// here; the simulators' own tests have the rest as bytes.
func TestSamplesOfTheDocumentsRunInTheirLanguages(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"node", "python3", "curl"} {
		needs(t, program)
	}
	addresses := served(t, "-own-ports")
	token := addresses["xuyu.token_endpoint"]
	run := func(program, script string, args ...string) (got struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Status      string
		Result      []map[string]string
	}) {
		out, err := exec.Command(program, append([]string{clientsFolder + "/samples/" + script}, args...)...).CombinedOutput()
		require.NoError(t, err, "%s: %s", script, out)
		require.NoError(t, json.Unmarshal(out, &got), "%s: %s", script, out)
		return got
	}
	for program, scripts := range map[string][]string{"node": {"token.js", "formdata.js"}, "python3": {"token.py"}, "sh": {"token.sh"}} {
		for _, script := range scripts {
			assert.NotEmpty(t, run(program, script, token).AccessToken, script)
		}
	}
	wrong := run("sh", "token.sh", token, "content-type: multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW")
	assert.Equal(t, "invalid_request", wrong.Error)
	assert.Contains(t, wrong.Description, "two boundaries")
	status := run("python3", "status.py", addresses["cmiot.endpoint"], "1064633113571")
	assert.Equal(t, "0", status.Status)
	assert.Equal(t, []map[string]string{{"STATUS": "00"}}, status.Result)
}

func TestAPortThatIsTakenIsNamedWithItsAPI(t *testing.T) {
	r := newRig(t, describe())
	got := r.want(1, r.run("simulator", "-own-ports", "-listen=127.0.0.1:65535"))
	assert.Contains(t, got.errors, "65536")
	assert.Contains(t, got.errors, "it would be the port for endpoint of aliyun; -listen=127.0.0.1:0 takes free ones")
}
