// Package table reads the tables that people hand over: what carriers' portals,
// modems, Excel, WPS and LibreOffice write. Nothing is guessed that could be
// wrong. It never opens a file.
//
// Start reading at [ICCIDs], which tells columns that lost digits.
package table
