package editor

import "os"

// Definition is where what is named at a position comes from: a block, a local
// value, a column of a table's header, or a file. There may be several of one
// name, and none.
func (e *Editor) Definition(path string, at Position) []Location {
	q, ok := e.ask(path, at)
	if !ok {
		return nil
	}
	if s, _, ok := q.symbol(); ok {
		return q.places(s)
	}
	if file := q.path(); file != "" {
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return []Location{{Path: file}}
		}
	}
	return nil
}

// places are where a name is given.
func (q question) places(s symbol) []Location {
	var found []Location
	switch s.kind {
	case kindColumn:
		for _, c := range q.columns(s.table) {
			if c.name == s.name {
				found = append(found, c.at)
			}
		}
		return found
	case kindCard:
		for _, d := range q.docs {
			for i := range d.pieces {
				if d.isCard(i) {
					if _, name, _ := d.header(i); name == s.name {
						found = append(found, d.place(i))
					}
				}
			}
		}
		return found
	}
	for _, n := range declared(q.docs) {
		if n.kind == s.kind && n.name == s.name {
			found = append(found, n.place())
		}
	}
	return found
}
