package plan

// Stuck are those of a number of actions that can never be done: they wait for
// each other in a circle, or for such a one. They are numbered from 0 on, and in
// that order. open is how many others each waits for, which Stuck counts down;
// waiting are those that wait for one, as often as they do.
//
// It takes a step for each action and each wait, and room for those that wait
// for nothing.
func Stuck(open []int32, waiting func(i int) []int) []int {
	var free []int
	left := len(open)
	for i := range open {
		if open[i] == 0 {
			free = append(free, i)
		}
	}
	for ; len(free) > 0; left-- {
		last := len(free) - 1
		i := free[last]
		free = free[:last]
		for _, k := range waiting(i) {
			if open[k]--; open[k] == 0 {
				free = append(free, k)
			}
		}
	}
	if left == 0 {
		return nil
	}
	stuck := make([]int, 0, left)
	for i := range open {
		if open[i] > 0 {
			stuck = append(stuck, i)
		}
	}
	return stuck
}
