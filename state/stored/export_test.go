package stored

import "fmt"

// FrameForTest makes a sound journal line of any list.
func FrameForTest(list string) string {
	length := []byte(fmt.Sprint(len(list)))
	return fmt.Sprintf("%08x %s %s\n", lineSum(length, []byte(list)), length, list)
}
