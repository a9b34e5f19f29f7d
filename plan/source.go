package plan

// Source is a plan that can be read card by card: one that is being made, one
// that is saved, and one that is held as a value.
type Source interface {
	// Head is the plan without its cards, which are counted in its summary.
	Head() *Plan
	// Each visits the cards in the plan's order, n being their places from 0. The
	// card is the visitor's until it returns: see [Card.Clone]. Texts stay as they are.
	Each(visit func(n int, c *Card) error) error
	// Visit is Each for the cards at these places, which ascend.
	Visit(places []int32, visit func(n int, c *Card) error) error
}

// Head implements [Source].
func (p *Plan) Head() *Plan { return p }

// Each implements [Source].
func (p *Plan) Each(visit func(n int, c *Card) error) error {
	for i := range p.Cards {
		if err := visit(i, &p.Cards[i]); err != nil {
			return err
		}
	}
	return nil
}

// Visit implements [Source].
func (p *Plan) Visit(places []int32, visit func(n int, c *Card) error) error {
	for _, n := range places {
		if err := visit(int(n), &p.Cards[n]); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) each(visit func(*Card)) {
	for i := range p.Cards {
		visit(&p.Cards[i])
	}
}
