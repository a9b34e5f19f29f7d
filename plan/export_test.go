package plan

import "crypto/sha256"

// TextDigest is the digest that the trailer behind a text has.
func TextDigest(text string) string {
	sum := sha256.New()
	sum.Write([]byte(text))
	return digestOf(sum)
}
