package cli

import (
	"os"
	"syscall"
	"time"
)

// oneInterrupt is how long signals count as one. A person doesn't press Ctrl-C
// twice within it; timeout(1) and some runners of a CI signal a process, and then
// its group, which the process is of too.
const oneInterrupt = 500 * time.Millisecond

// Interrupts waits for signals. It calls first at the first one, and second at
// one that comes later than half a second after that; then it returns. A terminal
// that closes is a first one: the shell and the kernel both send SIGHUP then, one
// after the other, and neither of them means to stop at once.
func Interrupts(signals <-chan os.Signal, first, second func()) {
	<-signals
	first()
	over := time.After(oneInterrupt)
	for isFirst := true; isFirst; {
		select {
		case <-signals:
		case <-over:
			isFirst = false
		}
	}
	for s := range signals {
		if s != syscall.SIGHUP {
			break
		}
	}
	second()
}
