package lines

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
)

// widestWindow is more than an encoder of ours ever asks for. It keeps a
// damaged file from filling the memory.
const widestWindow = 32 << 20

// Decompress reads what zstd compressed.
func Decompress(r io.Reader) (*zstd.Decoder, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(widestWindow))
}

// Decoder decodes line by line. It refuses fields that we don't know, since
// they would be lost with the next write. One decoder for many lines is faster
// than one for each line; after an error it is of no more use.
type Decoder struct {
	line bytes.Reader
	json *json.Decoder
}

// NewDecoder makes a decoder.
func NewDecoder() *Decoder {
	d := &Decoder{}
	d.json = json.NewDecoder(&d.line)
	d.json.DisallowUnknownFields()
	return d
}

// Unmarshal decodes one line, which has to be one value.
func (d *Decoder) Unmarshal(line []byte, v any) error {
	line = bytes.TrimSpace(line)
	start := d.json.InputOffset()
	d.line.Reset(line)
	if err := d.json.Decode(v); err != nil {
		return err
	}
	if d.json.InputOffset()-start != int64(len(line)) {
		return errors.New("something follows it on its line")
	}
	return nil
}

// Unmarshal decodes one line; see [Decoder].
func Unmarshal(line []byte, v any) error { return NewDecoder().Unmarshal(line, v) }
