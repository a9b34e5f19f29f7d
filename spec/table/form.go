package table

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Kind is what a file is.
type Kind int

// The kinds of files.
const (
	Text Kind = iota // lines of fields, in one of the encodings
	Empty
	Xlsx      // a workbook of Excel 2007 and later, WPS or LibreOffice
	Xls       // a workbook of Excel 97 to 2003
	Locked    // a workbook with a password
	Xlsb      // a binary workbook of Excel
	OpenSheet // an OpenDocument spreadsheet (ods)
	HTML      // a page, which portals like to name .xls
	XMLSheet  // an XML spreadsheet of Excel 2003
	PDF
	JSON
	Compressed // gzip, or a zip file without a workbook
	Binary     // no text, and nothing that is known
)

// Encoding is how a text writes its characters.
type Encoding int

// The encodings.
const (
	UTF8 Encoding = iota
	UTF16LE
	UTF16BE
	GB18030 // GBK and GB2312 are parts of it
	Unknown
)

// LineEnd is how the lines of a text end.
type LineEnd int

// The line ends.
const (
	LF        LineEnd = iota // LF or CR LF
	CR                       // CR alone: "CSV (Macintosh)"
	DoubledCR                // CR CR LF: a text written twice in Windows' text mode
)

// Form is what a file is, by its first bytes and lines. The form of a canonical
// table is the zero value but for Separator and Header.
type Form struct {
	Kind     Kind
	Encoding Encoding
	LineEnd  LineEnd
	// Separator parts the fields; ',' where there is one column.
	Separator rune
	// SepLine reports that the first line is Excel's sep=;
	SepLine bool
	// Guards reports that numbers are guarded against spreadsheets, as ="8986…".
	Guards bool
	// Header is the line that names the columns, from 1; 0 where none of the
	// first lines names a column of ICCIDs.
	Header int
	// Columns are the fields of that line; of the first where Header is 0.
	Columns []string
}

const (
	// headBytes is how much of a file its form is told by.
	headBytes = 1 << 16
	// headLines is among how many lines the header is looked for.
	headLines = 20
)

// HeadBytes is how many of a file's first bytes [Recognise] wants.
const HeadBytes = headBytes

// Recognise tells a file's form by its first [HeadBytes] bytes, or all of them
// where there are fewer.
func Recognise(head []byte) Form {
	whole := len(head) < headBytes
	head = head[:min(len(head), headBytes)]
	f := Form{Separator: ','}
	if f.Kind = kindOf(head); f.Kind != Text {
		return f
	}
	f.Encoding = encodingOf(head, whole)
	if f.Encoding == Unknown && bytes.IndexByte(head, 0) >= 0 {
		f.Kind = Binary
		return f
	}
	text, err := decode(head, f.Encoding)
	if err != nil {
		return f // an encoding that isn't known: its bytes say no more
	}
	f.LineEnd = lineEndOf(text)
	lines := headOf(text)
	f.look(lines)
	f.Guards = slices.ContainsFunc(lines, func(line string) bool { return guarded(line, f.Separator) })
	return f
}

// kindOf goes by the first bytes.
func kindOf(head []byte) Kind {
	starts := func(s string) bool { return bytes.HasPrefix(head, []byte(s)) }
	holds := func(s string) bool { return bytes.Contains(head, []byte(s)) }
	switch {
	case len(bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\uFEFF")))) == 0:
		return Empty
	case starts("PK\x03\x04"):
		return archiveKind(holds)
	case starts("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"):
		return oldWorkbookKind(head)
	case starts("\x09\x08"), starts("\x09\x04"), starts("\x09\x02"): // BIFF without a container
		return Xls
	case starts("%PDF"):
		return PDF
	case starts("\x1F\x8B"):
		return Compressed
	case looksJSON(head):
		return JSON
	}
	lower := strings.ToLower(string(bytes.TrimSpace(bytes.TrimPrefix(head[:min(len(head), 1024)], []byte("\uFEFF")))))
	switch {
	case strings.HasPrefix(lower, "<?xml") && holds("urn:schemas-microsoft-com:office:spreadsheet"):
		return XMLSheet
	case strings.HasPrefix(lower, "<!doctype html"), strings.HasPrefix(lower, "<html"), strings.HasPrefix(lower, "<table"),
		strings.HasPrefix(lower, "<meta"), strings.HasPrefix(lower, "<?xml") && strings.Contains(lower, "<html"):
		return HTML
	}
	return Text
}

// looksJSON reports whether a text begins as an object or a list of JSON does,
// which no line of columns' names does.
func looksJSON(head []byte) bool {
	text := bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\uFEFF")))
	if len(text) < 2 || text[0] != '{' && text[0] != '[' {
		return false
	}
	opened := text[0]
	text = bytes.TrimSpace(text[1:])
	if len(text) == 0 {
		return false
	}
	if opened == '{' {
		return text[0] == '"' || text[0] == '}'
	}
	return text[0] == '{' || text[0] == '[' || text[0] == '"' || text[0] == ']'
}

// archiveKind goes by the names of a zip file's first entries.
func archiveKind(holds func(string) bool) Kind {
	switch {
	case holds("application/vnd.oasis.opendocument.spreadsheet"):
		return OpenSheet
	case holds("xl/workbook.bin"), holds("xl/worksheets/sheet1.bin"):
		return Xlsb
	case holds("xl/"), holds("[Content_Types].xml"), holds("_rels/.rels"), holds("docProps/"):
		return Xlsx
	}
	return Compressed
}

// oldWorkbookKind tells a workbook with a password, which is kept in the same
// container as the workbooks of Excel 97.
func oldWorkbookKind(head []byte) Kind {
	if bytes.Contains(head, utf16Bytes("EncryptedPackage")) || bytes.Contains(head, utf16Bytes("EncryptionInfo")) {
		return Locked
	}
	return Xls
}

func utf16Bytes(s string) []byte {
	out := make([]byte, 0, 2*len(s))
	for i := range len(s) {
		out = append(out, s[i], 0)
	}
	return out
}

// encodingOf tells the encoding of a text. A text that was cut off may end
// inside a character.
func encodingOf(head []byte, whole bool) Encoding {
	switch {
	case bytes.HasPrefix(head, []byte("\xFF\xFE")):
		return UTF16LE
	case bytes.HasPrefix(head, []byte("\xFE\xFF")):
		return UTF16BE
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return unmarkedUTF16(head)
	}
	if !whole {
		head = head[:bytes.LastIndexAny(head, "\n\r,;\t")+1]
	}
	switch {
	case utf8.Valid(head):
		return UTF8
	case validGBK(head):
		return GB18030
	}
	return Unknown
}

// unmarkedUTF16 tells UTF-16 without a byte-order mark, in which every other
// byte of what is ASCII is 0.
func unmarkedUTF16(head []byte) Encoding {
	zeros := [2]int{}
	for i, b := range head {
		if b == 0 {
			zeros[i%2]++
		}
	}
	guess := UTF16LE
	if zeros[0] > zeros[1] {
		guess = UTF16BE
	}
	text, err := decode(head, guess)
	if err != nil || max(zeros[0], zeros[1])*4 < len(head) || strings.ContainsFunc(text, func(r rune) bool {
		return r == utf8.RuneError || unicode.IsControl(r) && r != '\t' && r != '\r' && r != '\n'
	}) {
		return Unknown
	}
	return guess
}

func validGBK(text []byte) bool {
	out, err := simplifiedchinese.GB18030.NewDecoder().Bytes(text)
	return err == nil && !bytes.ContainsRune(out, utf8.RuneError)
}

// headOf is the first lines of a text, whatever they end in.
func headOf(text string) []string {
	text = unifyLines(text)
	lines := strings.SplitN(text, "\n", headLines+1)
	return lines[:min(len(lines), headLines)]
}

// unifyLines ends every line in LF alone.
func unifyLines(text string) string {
	if !strings.Contains(text, "\r") {
		return text
	}
	return strings.NewReplacer("\r\r\n", "\n", "\r\n", "\n", "\r", "\n").Replace(text)
}

// lineEndOf tells how lines end. A CR alone counts where no line ends in LF.
func lineEndOf(text string) LineEnd {
	switch {
	case strings.Contains(text, "\r\r\n"):
		return DoubledCR
	case !strings.Contains(text, "\n") && strings.Contains(strings.TrimRight(text, "\r"), "\r"),
		!strings.Contains(text, "\n") && strings.HasSuffix(text, "\r"):
		return CR
	}
	return LF
}

// look finds the separator and the header.
func (f *Form) look(lines []string) {
	if sep, ok := sepLine(lines[0]); ok {
		f.SepLine, f.Separator = true, sep
		if _, n, ok := findHeader(lines, sep); ok {
			f.Header = n
		}
		if len(lines) > 1 {
			f.Columns = splitLine(lines[max(f.Header-1, 1)], sep)
		}
		return
	}
	for _, sep := range separators() {
		if fields, n, ok := findHeader(lines, sep); ok && len(fields) > 1 {
			f.Separator, f.Header, f.Columns = sep, n, fields
			return
		}
	}
	f.Separator = commonSeparator(lines)
	if fields, n, ok := findHeader(lines, f.Separator); ok {
		f.Header, f.Columns = n, fields
		return
	}
	f.Columns = splitLine(lines[0], f.Separator)
}

// separators are those that are looked for, the likeliest first.
func separators() []rune { return []rune{',', '\t', ';', '；', '，', '|'} }

// sepLine reads Excel's line sep=; which may be quoted.
func sepLine(line string) (rune, bool) {
	rest, ok := strings.CutPrefix(strings.ToLower(strings.Trim(strings.TrimPrefix(line, "\uFEFF"), "\" ")), "sep=")
	if !ok {
		return 0, false
	}
	r, n := utf8.DecodeRuneInString(rest)
	return r, n > 0 && n == len(rest)
}

// findHeader finds the first line that names a column of ICCIDs.
func findHeader(lines []string, sep rune) (fields []string, number int, ok bool) {
	for i, line := range lines {
		fields := splitLine(line, sep)
		for _, name := range fields {
			if of, _ := meaning(name); of == ICCIDColumn {
				return fields, i + 1, true
			}
		}
	}
	return nil, 0, false
}

// commonSeparator is the one that stands as often in each of the first lines; a
// comma where none does.
func commonSeparator(lines []string) rune {
	for _, sep := range separators() {
		n := strings.Count(lines[0], string(sep))
		same := n > 0
		for _, line := range lines[1:min(len(lines), 4)] {
			same = same && (line == "" || strings.Count(line, string(sep)) == n)
		}
		if same {
			return sep
		}
	}
	return ','
}

// splitLine takes a line apart, for a look at its names: a quote may hold the separator.
func splitLine(line string, sep rune) []string {
	var fields []string
	quoted, from := false, 0
	line = strings.TrimPrefix(line, "\uFEFF")
	for i, r := range line {
		switch {
		case r == '"':
			quoted = !quoted
		case r == sep && !quoted:
			fields = append(fields, unquote(line[from:i]))
			from = i + utf8.RuneLen(r)
		}
	}
	return append(fields, unquote(line[from:]))
}

func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return strings.ReplaceAll(s[1:len(s)-1], `""`, `"`)
	}
	return s
}

// Name is what people call the kind; "" for a text.
func (k Kind) Name() string {
	return [...]string{
		Text: "", Empty: "an empty file", Xlsx: "a workbook (xlsx)", Xls: "a workbook of Excel 97 to 2003 (xls)",
		Locked: "a workbook with a password", Xlsb: "a binary workbook (xlsb)", OpenSheet: "an OpenDocument spreadsheet (ods)",
		HTML: "a web page, whatever its name", XMLSheet: "an XML spreadsheet of Excel 2003", PDF: "a PDF document", JSON: "JSON",
		Compressed: "a compressed file", Binary: "no text",
	}[k]
}

// Name is what people call the encoding.
func (e Encoding) Name() string {
	return [...]string{UTF8: "UTF-8", UTF16LE: "UTF-16", UTF16BE: "UTF-16", GB18030: "GBK", Unknown: "neither UTF-8 nor GBK"}[e]
}

// Cause says in a sentence why a reader of canonical tables can't read the
// file; "" where nothing in its form is against that.
func (f Form) Cause() string {
	switch {
	case f.Kind == Empty:
		return "The file is empty."
	case f.Kind == Binary:
		return "It is no text."
	case f.Kind != Text:
		return fmt.Sprintf("It is %s, not a CSV file.", f.Kind.Name())
	case f.Encoding == UTF16LE || f.Encoding == UTF16BE:
		return `It is UTF-16, which Excel calls "Unicode text", not UTF-8.`
	case f.Encoding == GB18030:
		return `It is not UTF-8: it looks like GBK, as Excel and WPS save "CSV" in Chinese.`
	case f.Encoding == Unknown:
		return "It is neither UTF-8 nor GBK."
	case f.LineEnd == CR:
		return `Its lines end in CR alone, as Excel's "CSV (Macintosh)" does.`
	case f.LineEnd == DoubledCR:
		return "Its lines end in CR CR LF: a program wrote line ends twice."
	case f.SepLine:
		return `Its first line is Excel's "sep=", which is no header: delete that line.`
	case f.Separator != ',':
		return fmt.Sprintf("Its fields are separated by %s, not by commas.", SeparatorName(f.Separator))
	case f.Header > 1:
		return fmt.Sprintf("The header seems to be line %d: what stands above it is no header.", f.Header)
	}
	if f.Guards {
		return `Its numbers are guarded against spreadsheets, as ="8986…".`
	}
	return ""
}

// guarded reports whether a field of the line begins with ="
func guarded(line string, sep rune) bool {
	return strings.HasPrefix(line, `="`) || strings.Contains(line, string(sep)+`="`)
}

// SeparatorName is a separator in a sentence.
func SeparatorName(sep rune) string {
	switch sep {
	case '\t':
		return "tabs"
	case ';':
		return "semicolons (;)"
	case '；':
		return "full-width semicolons (；)"
	case '，':
		return "full-width commas (，)"
	case ',':
		return "commas"
	}
	return fmt.Sprintf("%q", string(sep))
}

// Readable reports whether [Text] or a reader of workbooks takes the file.
func (f Form) Readable() bool {
	return f.Kind == Xlsx || f.Kind == Text && f.Encoding != Unknown
}

// Remedy says how a file that can't be read becomes one that can; "" for one
// that can.
func (f Form) Remedy() string {
	switch {
	case f.Kind == Locked:
		return "Save it without a password, as xlsx."
	case f.Kind == PDF || f.Kind == Compressed || f.Kind == Binary:
		return "Hand over the list itself: xlsx, or CSV."
	case f.Kind == JSON:
		return "A configuration reads it by jsondecode(file(…)); else write it as CSV, with its numbers as texts."
	case f.Kind == Empty:
		return "Its first line names the columns, such as: iccid,imei."
	case !f.Readable():
		return "Open it in Excel, WPS or LibreOffice, and save it as xlsx."
	}
	return ""
}

// Command is the command that makes a canonical table of a file.
func Command(file string) string {
	out := file
	if i := strings.LastIndexByte(file, '.'); i > strings.LastIndexAny(file, `/\`) {
		out = file[:i]
	}
	return "cardfleet table " + shellWord(file) + " -out=" + shellWord(strings.TrimSuffix(out, ".csv")+".csv")
}

// shellWord quotes what a shell would take apart.
func shellWord(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool {
		return r < utf8.RuneSelf && !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:+,@%", r)
	}) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Mend ends an error about a file: with the command that makes a table of it,
// behind what has to be done before.
func (f Form) Mend(file string) string {
	remedy := f.Remedy()
	switch {
	case remedy == "":
		return "This makes a table of it: " + Command(file)
	case f.Kind == Empty || f.Kind == PDF || f.Kind == JSON || f.Kind == Compressed || f.Kind == Binary:
		return remedy
	}
	i := strings.LastIndexByte(file, '.')
	if i <= strings.LastIndexAny(file, `/\`) {
		i = len(file)
	}
	return remedy + " Then this makes a table of it: " + Command(file[:i]+".xlsx")
}
