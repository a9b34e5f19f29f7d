package n1cesim

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

// lasts is how long a token is good ([AUTH]).
const lasts = 3600 * time.Second

// grant is a token that was given.
type grant struct {
	account string
	until   time.Time // zero where the world has no clock
}

// Expire makes every token given so far invalid.
func (s *N1CE) Expire() {
	s.open()
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.grants)
}

// holder is the account that a call's token was given to.
func (s *N1CE) holder(r *http.Request) (account string, ok bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.grants[token]
	if !ok || !g.until.IsZero() && !s.World.Clock().Before(g.until) {
		return "", false
	}
	return g.account, true
}

// noToken is a refusal of /oauth/token ([AUTH] Bearer_Token_400): 400 for a wrong
// secret too.
func noToken(code, why string) *refusal {
	return &refusal{http.StatusBadRequest, object{"statusCode": http.StatusBadRequest, "errorCode": code, "message": why}}
}

// login checks a request for a token, and gives its credentials.
func login(r *http.Request) (id, secret string, no *refusal) {
	id, secret, _ = r.BasicAuth()
	switch {
	case id == "":
		return "", "", noToken("AuthValidationError", "Auth header validation error: Missing attributes 'username'")
	case secret == "":
		return "", "", noToken("AuthValidationError", "Auth header validation error: Missing attributes 'password'")
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	data, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16)) // what was cut off is no JSON
	var body struct {
		GrantType string `json:"grant_type"`
	}
	switch {
	case err == nil && kind == "application/x-www-form-urlencoded" && len(data) == 0:
		body.GrantType = r.URL.Query().Get("grant_type") // as [CS] sends it
	case err != nil || kind != "application/json":
		return "", "", noToken("UnsupportedContentTypeError", "Content-Type not supported")
	case json.Unmarshal(data, &body) != nil:
		return "", "", noToken("BodyValidationError", "Request body validation error")
	}
	if body.GrantType == "" {
		return "", "", noToken("BodyValidationError", "Request body validation error: Missing attributes 'grant_type'")
	}
	if body.GrantType != "client_credentials" {
		return "", "", noToken("BodyValidationError", "Request body validation error: 'grant_type'")
	}
	return id, secret, nil
}

// authenticate gives a token for the login. The names of its last two members are
// the schema's: [AUTH]'s sample has others.
func (s *N1CE) authenticate(q *request) (object, *refusal) {
	known, ok := s.World.Secret(q.clientID)
	if !ok || known != q.clientSecret {
		return nil, noToken("BadCredentials", "User does not exist.")
	}
	token, g := fmt.Sprintf("n1ce-access-token-%08d", s.World.Serial()), grant{account: q.clientID}
	if now := s.World.Clock(); !now.IsZero() {
		g.until = now.Add(lasts)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grants[token] = g
	return object{
		"status_code": http.StatusOK, "access_token": token, "token_type": "bearer", "expires_in": int(lasts.Seconds()), "userId": "user", "scope": "all",
	}, nil
}
