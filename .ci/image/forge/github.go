package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// github are the releases of the project's repository, over the part of GitHub's
// API that goreleaser calls.
type github struct {
	token string

	mu       sync.Mutex
	failing  bool // when a release is published next
	releases []*release
	assets   int // how many there ever were
}

// release is one, with the names of GitHub's API.
type release struct {
	ID         int     `json:"id"`
	Tag        string  `json:"tag_name"`
	Name       string  `json:"name"`
	Body       string  `json:"body"`
	Draft      bool    `json:"draft"`
	Prerelease bool    `json:"prerelease"`
	Assets     []asset `json:"assets"`
}

// asset is a file of a release.
type asset struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
	Size int    `json:"size"`
	data []byte
}

// routes says where GitHub Enterprise has each call, which is where goreleaser
// calls a GitHub that isn't at its own address, and where a browser finds files.
func (g *github) routes(mux *http.ServeMux) {
	const repository = "/repos/cardfleet/cardfleet/releases"
	for pattern, answer := range map[string]func(r *http.Request) (int, any){
		"GET /api/v3/rate_limit": rateLimit,
		"GET /api/v3" + repository: func(*http.Request) (int, any) {
			return http.StatusOK, g.releases
		},
		"GET /api/v3" + repository + "/{id}/{what}":       g.look,
		"POST /api/v3" + repository:                       g.create,
		"PATCH /api/v3" + repository + "/{id}":            g.edit,
		"DELETE /api/v3" + repository + "/assets/{id}":    g.remove,
		"POST /api/uploads" + repository + "/{id}/assets": g.upload,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			g.mu.Lock()
			defer g.mu.Unlock()
			code, body := http.StatusUnauthorized, refused("Bad credentials")
			if r.Header.Get("Authorization") == "Bearer "+g.token {
				code, body = answer(r)
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			if code != http.StatusNoContent {
				_ = json.NewEncoder(w).Encode(body)
			}
		})
	}
	mux.HandleFunc("GET /cardfleet/cardfleet/releases/download/{tag}/{name}", g.download)
}

// refused is an error as GitHub says it.
func refused(message string) any { return map[string]string{"message": message} }

func rateLimit(*http.Request) (int, any) {
	return http.StatusOK, map[string]any{"resources": map[string]any{"core": map[string]int{"limit": 5000, "remaining": 5000}}}
}

// published is the release of a tag that everybody sees, or nil.
func (g *github) published(tag string) *release {
	for _, r := range g.releases {
		if r.Tag == tag && !r.Draft {
			return r
		}
	}
	return nil
}

// of is the release that a request is about, or nil.
func (g *github) of(r *http.Request) *release {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || id < 1 || id > len(g.releases) {
		return nil
	}
	return g.releases[id-1]
}

// look answers /tags/TAG, and /ID/assets.
func (g *github) look(r *http.Request) (int, any) {
	if r.PathValue("id") == "tags" {
		if found := g.published(r.PathValue("what")); found != nil {
			return http.StatusOK, found
		}
	} else if found := g.of(r); found != nil && r.PathValue("what") == "assets" {
		return http.StatusOK, found.Assets
	}
	return http.StatusNotFound, refused("Not Found")
}

func (g *github) create(r *http.Request) (int, any) {
	made := &release{ID: len(g.releases) + 1}
	if err := json.NewDecoder(r.Body).Decode(made); err != nil || made.Tag == "" {
		return http.StatusBadRequest, refused("Problems parsing JSON")
	}
	if !made.Draft && g.published(made.Tag) != nil {
		return http.StatusUnprocessableEntity, refused("tag_name already_exists")
	}
	made.Assets = []asset{}
	g.releases = append(g.releases, made)
	return http.StatusCreated, made
}

func (g *github) edit(r *http.Request) (int, any) {
	now := g.of(r)
	if now == nil {
		return http.StatusNotFound, refused("Not Found")
	}
	wanted := *now
	if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil {
		return http.StatusBadRequest, refused("Problems parsing JSON")
	}
	if !wanted.Draft {
		if other := g.published(wanted.Tag); other != nil && other != now {
			return http.StatusUnprocessableEntity, refused("tag_name already_exists")
		}
		if g.failing {
			g.failing = false
			return http.StatusInternalServerError, refused("the forge fails once, as it was asked to")
		}
	}
	*now = wanted
	return http.StatusOK, now
}

func (g *github) upload(r *http.Request) (int, any) {
	to, name := g.of(r), r.URL.Query().Get("name")
	if to == nil || name == "" {
		return http.StatusNotFound, refused("Not Found")
	}
	for _, a := range to.Assets {
		if a.Name == name {
			return http.StatusUnprocessableEntity, refused("already_exists")
		}
	}
	data, err := io.ReadAll(r.Body)
	if err != nil || int64(len(data)) != r.ContentLength {
		return http.StatusBadRequest, refused("Bad Content-Length")
	}
	g.assets++
	to.Assets = append(to.Assets, asset{ID: g.assets, Name: name, Size: len(data), data: data})
	return http.StatusCreated, to.Assets[len(to.Assets)-1]
}

func (g *github) remove(r *http.Request) (int, any) {
	for _, from := range g.releases {
		for i, a := range from.Assets {
			if strconv.Itoa(a.ID) == r.PathValue("id") {
				from.Assets = append(from.Assets[:i:i], from.Assets[i+1:]...)
				return http.StatusNoContent, nil
			}
		}
	}
	return http.StatusNotFound, refused("Not Found")
}

// download hands out a file of a published release, to everybody.
func (g *github) download(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if found := g.published(r.PathValue("tag")); found != nil {
		for _, a := range found.Assets {
			if a.Name == r.PathValue("name") {
				_, _ = w.Write(a.data) // whoever asked is gone
				return
			}
		}
	}
	http.NotFound(w, r)
}
