package alirpcsim

import (
	"hash/maphash"
	"sync"
	"time"
)

// nonces remembers the nonces of the last 15 to 30 minutes, which is as long
// as a call with one can come again.
type nonces struct {
	mu       sync.Mutex
	seed     maphash.Seed
	now, old map[uint64]struct{} // hashes: a million nonces take 40 MB rather than 150
	since    time.Time
}

func (n *nonces) first(nonce string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.now == nil {
		n.seed, n.now, n.since = maphash.MakeSeed(), map[uint64]struct{}{}, now
	}
	if now.Sub(n.since) > 2*skew {
		n.old, n.now, n.since = n.now, map[uint64]struct{}{}, now
	}
	h := maphash.String(n.seed, nonce)
	_, seen := n.now[h]
	_, before := n.old[h]
	n.now[h] = struct{}{}
	return !seen && !before
}
