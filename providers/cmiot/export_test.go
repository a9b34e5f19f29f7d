package cmiot

import "github.com/cardfleet/cardfleet/providers"

// Explained is the lines of the table of codes on the page for people.
func Explained() (lines []string) {
	kinds := map[providers.Cause]string{providers.Refused: "refused", providers.Unavailable: "unavailable", providers.Denied: "denied"}
	for code, m := range meanings() {
		kind, sure := kinds[m.Cause], "yes"
		if m.Proof == providers.AlreadySo {
			kind = "done"
		}
		if m.Proof == providers.ProvesNothing {
			sure = "unknown"
		}
		lines = append(lines, "| `"+code+"` | "+kind+" | "+sure+" | "+m.Text+" |\n")
	}
	return lines
}

// Statuses are the beginnings of the lines of the tables of statuses there.
func Statuses() (lines []string) {
	for status, w := range words() {
		lines = append(lines, "| `"+status+"` | "+w.text+" | ")
	}
	return lines
}
