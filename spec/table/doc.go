// Package table reads the tables that people hand over: what carriers' portals,
// modems, Excel, WPS and LibreOffice write. [Recognise] says what a file is by
// its first bytes and lines, [FromText] takes a text apart, and [New] makes the
// canonical table of one fleet's files: the form that a configuration reads.
//
// Nothing is guessed that could be wrong: what can't be known is refused with
// its cell. The package opens no file. Workbooks are read by package xlsx below
// it, so that who is handed none needs none.
//
// Start reading at [Recognise], then [New]. [ICCIDs] tells columns that lost digits.
package table
