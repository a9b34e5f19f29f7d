package stored

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendLine frames a list in buf, whose content it replaces.
func appendLine(buf *bytes.Buffer, list any) ([]byte, error) {
	buf.Reset()
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(list); err != nil { // ends the line
		return nil, err
	}
	return framed(nil, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))), nil
}

// framed appends a list's line to b.
func framed(b, list []byte) []byte {
	var room [20]byte
	length := strconv.AppendInt(room[:0], int64(len(list)), 10)
	b = fmt.Appendf(b, "%08x ", lineSum(length, list))
	b = append(append(b, length...), ' ')
	return append(append(b, list...), '\n')
}

func lineSum(length, list []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, list)
}

var errDamaged = errors.New("it was damaged after it was written, and is no line that a crash left: " +
	"restore the file from a copy, or move it away and lose what was recorded since the last commit")

// parseLine checks the frame and returns the list of records in it.
func parseLine(line []byte) ([]byte, error) {
	sum, length, list, ok := splitLine(line)
	if !ok || !bytes.HasSuffix(list, []byte("\n")) {
		return nil, errDamaged
	}
	list = list[:len(list)-1]
	n, err := strconv.Atoi(string(length))
	if err != nil || n != len(list) || string(sum) != fmt.Sprintf("%08x", lineSum(length, list)) {
		return nil, errDamaged
	}
	return list, nil
}

func splitLine(line []byte) (sum, length, list []byte, ok bool) {
	sum, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok {
		return nil, nil, nil, false
	}
	length, list, ok = bytes.Cut(rest, []byte(" "))
	return sum, length, list, ok
}

// torn reports whether a crash explains a broken last line: it is shorter than
// its head says, or blocks of it never reached the disk and read as zeros.
// Anything else is damage, and may hide a record that was acknowledged.
func torn(line []byte) bool {
	if bytes.Contains(line, []byte{0, 0}) {
		return true
	}
	if line[len(line)-1] == '\n' {
		return false
	}
	_, length, list, ok := splitLine(line)
	if !ok {
		return true
	}
	n, err := strconv.Atoi(string(length))
	return err != nil || len(list) <= n
}
