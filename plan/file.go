package plan

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"
)

// A saved plan is JSON Lines through zstd: a header, a line for each card, a
// line for each privacy number, and a trailer with the SHA-256 of all before
// it. It holds no secret: a plan has none.

const (
	fileFormat  = "cardfleet-plan"
	fileVersion = 1
)

// ErrNotAPlan says that a file isn't a saved plan.
var ErrNotAPlan = errors.New("not a saved plan")

type fileHeader struct {
	Format     string       `json:"format"`
	Version    int          `json:"version"`
	Program    string       `json:"program"`
	Timestamp  time.Time    `json:"timestamp"`
	Config     string       `json:"config"`
	Lineage    string       `json:"lineage"`
	Serial     uint64       `json:"serial"`
	Total      int          `json:"total"`
	Unchanged  int          `json:"unchanged"`
	Unread     int          `json:"unread"`
	Incomplete []Incomplete `json:"incomplete,omitempty"`
	Totals     []Total      `json:"totals,omitempty"`
	Limits     []Exceeded   `json:"limits,omitempty"`
	Costs      []Cost       `json:"costs,omitempty"`
	Reads      []Reads      `json:"reads,omitempty"`
	Partial    string       `json:"partial,omitempty"`
	Skipped    int          `json:"skipped,omitempty"`
	Refresh    bool         `json:"refresh_only,omitempty"`
	Policy     Policy       `json:"policy"`
}

// fileLine is one line after the header: exactly one field is set.
type fileLine struct {
	Card   *Card   `json:"card,omitempty"`
	Number *Number `json:"number,omitempty"`
	Digest string  `json:"digest,omitempty"`
}

// Write saves the plan to w and returns its digest, "sha256:…".
func Write(w io.Writer, p *Plan) (digest string, err error) {
	z, err := zstd.NewWriter(w)
	if err != nil {
		return "", err
	}
	digest, err = encode(z, p)
	return digest, errors.Join(err, z.Close())
}

// Digest is what [Write] would return.
func Digest(p *Plan) string {
	digest, err := encode(io.Discard, p)
	if err != nil {
		panic(err) // a plan holds nothing that can't be encoded
	}
	return digest
}

func encode(w io.Writer, p *Plan) (string, error) {
	sum := sha256.New()
	enc := json.NewEncoder(io.MultiWriter(w, sum))
	enc.SetEscapeHTML(false)
	err := enc.Encode(fileHeader{
		fileFormat, fileVersion, p.Version, p.Timestamp, p.Config, p.Lineage, p.Serial,
		p.Total, p.Unchanged, p.Unread, p.Incomplete, p.Totals, p.Limits, p.Costs, p.Reads,
		p.Partial, p.Skipped, p.RefreshOnly, p.Policy,
	})
	for i := range p.Cards {
		err = errors.Join(err, enc.Encode(fileLine{Card: &p.Cards[i]}))
	}
	for i := range p.Numbers {
		err = errors.Join(err, enc.Encode(fileLine{Number: &p.Numbers[i]}))
	}
	digest := digestOf(sum)
	return digest, errors.Join(err, enc.Encode(fileLine{Digest: digest}))
}

func digestOf(sum hash.Hash) string { return "sha256:" + hex.EncodeToString(sum.Sum(nil)) }

// Read reads a saved plan, and checks that it is whole and as it was written.
func Read(r io.Reader) (p *Plan, digest string, err error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, "", err
	}
	defer z.Close()
	lines := bufio.NewReaderSize(z, 1<<16)
	sum := sha256.New()
	first, err := lines.ReadBytes('\n')
	if err != nil {
		return nil, "", ErrNotAPlan
	}
	var h fileHeader
	if json.Unmarshal(first, &h) != nil || h.Format != fileFormat {
		return nil, "", ErrNotAPlan
	}
	if h.Version > fileVersion {
		return nil, "", fmt.Errorf("the plan was saved by cardfleet %s in format %d; this version reads formats up to %d", h.Program, h.Version, fileVersion)
	}
	sum.Write(first)
	p = &Plan{
		Version: h.Program, Timestamp: h.Timestamp, Config: h.Config, Lineage: h.Lineage, Serial: h.Serial,
		Total: h.Total, Unchanged: h.Unchanged, Unread: h.Unread, Incomplete: h.Incomplete, Totals: h.Totals, Limits: h.Limits, Costs: h.Costs, Reads: h.Reads,
		Partial: h.Partial, Skipped: h.Skipped, RefreshOnly: h.Refresh, Policy: h.Policy,
	}
	digest, err = readLines(lines, sum, p)
	return p, digest, err
}

func readLines(r *bufio.Reader, sum hash.Hash, p *Plan) (string, error) {
	for {
		b, err := r.ReadBytes('\n')
		if err != nil {
			return "", errors.New("the plan file is cut off; make the plan again")
		}
		var line fileLine
		if err := json.Unmarshal(b, &line); err != nil {
			return "", fmt.Errorf("the plan file is damaged: %w", err)
		}
		switch {
		case line.Card != nil:
			p.Cards = append(p.Cards, *line.Card)
		case line.Number != nil:
			p.Numbers = append(p.Numbers, *line.Number)
		case line.Digest != digestOf(sum):
			return "", errors.New("the plan file was changed after it was saved: its digest doesn't fit; make the plan again")
		default:
			return line.Digest, nil
		}
		sum.Write(b)
	}
}
