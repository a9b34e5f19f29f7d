package providers

import (
	"errors"
	"fmt"
)

// firstAlike is how many cards in a row, from the first on, get one refusal before
// the reading ends: what is said of each of them isn't about any of them.
const firstAlike = 20

// alike is what came of the cards that were asked for. Its zero value has heard
// nothing. A card that the carrier says it doesn't have is read.
type alike struct {
	read     bool  // a card was read
	refusal  error // the first; nil for none
	refusals int   // of all cards
	first    int   // how many of the first cards were refused alike
	differ   bool  // refusals of different codes came
}

// hear takes what came of a card, before which so many had been asked for. That a
// carrier is out of reach or out of order is not for it: see reader.judge.
func (a *alike) hear(turn int, err error) {
	cause, known := CauseOf(err)
	switch {
	case err == nil:
		a.read = true
		return
	case known && (cause == Stopped || cause == Unavailable || cause == Throttled || cause == Denied):
		return
	}
	if a.refusal == nil {
		a.refusal = err
	}
	a.refusals++
	switch {
	case saying(err) != saying(a.refusal):
		a.differ = true
	case turn < firstAlike:
		a.first++
	}
}

// saying is what tells one refusal from another: the code, else the words.
func saying(err error) string {
	var e *Error
	switch {
	case !errors.As(err, &e):
		return err.Error()
	case e.Code != "":
		return e.Code
	default:
		return e.Message
	}
}

// ofNone reports that the first cards were all refused alike, and none was read.
func (a *alike) ofNone() bool { return !a.read && a.first >= firstAlike }

// unread reports, once all cards have been asked for, that the carrier refused
// to tell of them, and told of none.
func (a *alike) unread() bool { return !a.read && a.refusal != nil }

// What refusals of all cards may mean, and what to do.
const (
	ofTheAccount = "the account may lack a right or have passed a limit, or endpoint, credentials and settings may belong to another account " +
		"or API than the cards; compare them with the carrier's console, ask the carrier by code and request, and plan again"
	manyAlike = "that is hardly about the cards: " + ofTheAccount
	fewAlike  = "where it is about the cards, correct them or take them out of the configuration; else " + ofTheAccount
)

// error says what the carrier answers, what that may mean, and what to do.
func (a *alike) error() error {
	switch {
	case a.differ:
		return fmt.Errorf("none of the cards could be read, and the first of %d refusals was %w; %s", a.refusals, a.refusal, fewAlike)
	case a.refusals == 1:
		return fmt.Errorf("the carrier refused the one card that it was asked for, %w; %s", a.refusal, fewAlike)
	case a.refusals < firstAlike:
		return fmt.Errorf("the carrier refused all %d cards with one code, %w; %s", a.refusals, a.refusal, fewAlike)
	default:
		return fmt.Errorf("the carrier refused the first %d cards with one code and told of none, %w; %s", firstAlike, a.refusal, manyAlike)
	}
}
