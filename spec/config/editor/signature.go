package editor

import "github.com/hashicorp/hcl-lang/lang"

// Signature is a call of a function that is being written.
type Signature struct {
	Label, Doc string
	Params     []string
	Active     int
}

// Signature is the function whose arguments are at a position; nil for none.
func (e *Editor) Signature(path string, at Position) *Signature {
	q, ok := e.ask(path, at)
	if !ok {
		return nil
	}
	f, err := guarded(&e.work, func() (*lang.FunctionSignature, error) {
		return q.decoder(nil, q.signs).SignatureAtPos(excerptFile, q.x.pos(q.x.from+q.at))
	})
	if err != nil || f == nil {
		return nil // no function is called at this place
	}
	out := &Signature{Label: f.Name, Doc: f.Description.Value, Active: int(f.ActiveParameter)}
	for _, p := range f.Parameters {
		out.Params = append(out.Params, p.Name)
	}
	return out
}
