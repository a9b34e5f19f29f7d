package workers

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestADatabaseThatIsAwayIsToldOnceAndOnceMoreWhenItIsBack(t *testing.T) {
	var said []string
	w := &Worker{o: &Options{Say: func(text string) { said = append(said, text) }}}
	for _, err := range []error{nil, errors.New("refused"), errors.New("refused"), errors.New("timeout"), nil, nil, errors.New("refused")} {
		w.answered(err)
	}
	assert.Equal(t, []string{
		"the database can't be asked, and is tried again each second: refused", "the database answers again",
		"the database can't be asked, and is tried again each second: refused",
	}, said)
}
