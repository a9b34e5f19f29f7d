package plan

// Origin is whose work a plan is, where CI tells it. Nothing is decided by it: who
// makes a plan may write here what they like. The zero value tells nothing.
type Origin struct {
	Fleet  string `json:"fleet,omitempty"`  // as people call it: a name, or the repository
	Commit string `json:"commit,omitempty"` // that the configuration is of
	Author string `json:"author,omitempty"` // who pushed it, by the platform's login
	// Request is the pull or merge request, as people call it: "#7", "!7".
	Request    string `json:"request,omitempty"`
	RequestURL string `json:"request_url,omitempty"`
	Run        string `json:"run,omitempty"` // where the run can be seen
}
