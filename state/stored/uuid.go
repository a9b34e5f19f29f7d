package stored

import "fmt"

// NewUUID is a random UUID, version 4 (RFC 9562, section 5.4): for lineages,
// and for the ids of locks.
func NewUUID(random func(p []byte)) string {
	var u [16]byte
	random(u[:])
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}
