#!/usr/bin/env bash
# ExcelJS reads a cell of the type d, a date in ISO 8601, as the number that its text
# begins with: its year. Its streaming reader keeps the last run of a rich text that
# stands in its cell. ECMA-376, part 1, has both: d and inlineStr in section 18.18.11,
# the runs (r) of an inline text in 18.3.1.53. openpyxl writes dates so with iso_dates.
# It needs node and npm; without them, it ends with code 2.
#
# Expected: 2026-11-29 and "gate 3", as read-excel-file reads them, or an error. Seen:
# 2026 by both readers of ExcelJS, and "3" by the streaming one, without an error.
set -euo pipefail
for program in node npm; do
	command -v "$program" >/dev/null || { echo "$program isn't installed"; exit 2; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts exceljs@4.4.0 read-excel-file@9.3.17 jszip@3.10.1 >/dev/null
cat >look.mjs <<'JS'
import ExcelJS from 'exceljs';
import JSZip from 'jszip';
import { writeFileSync } from 'node:fs';
import readExcelFile from 'read-excel-file/node';

const pkg = 'http://schemas.openxmlformats.org/package/2006';
const rel = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const sheets = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const kind = 'application/vnd.openxmlformats-officedocument.spreadsheetml';
const relation = (type, target) => `<Relationships xmlns="${pkg}/relationships"><Relationship Id="rId1" Type="${rel}/${type}" Target="${target}"/></Relationships>`;
const zip = new JSZip();
const part = (name, xml) => zip.file(name, '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>' + xml);
part('[Content_Types].xml', `<Types xmlns="${pkg}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="${kind}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${kind}.worksheet+xml"/></Types>`);
part('_rels/.rels', relation('officeDocument', 'xl/workbook.xml'));
part('xl/workbook.xml', `<workbook xmlns="${sheets}" xmlns:r="${rel}"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>`);
part('xl/_rels/workbook.xml.rels', relation('worksheet', 'worksheets/sheet1.xml'));
part('xl/worksheets/sheet1.xml', `<worksheet xmlns="${sheets}"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><r><t xml:space="preserve">gate </t></r><r><t>3</t></r></is></c><c r="B1" t="d"><v>2026-11-29</v></c></row></sheetData></worksheet>`);
writeFileSync('cards.xlsx', await zip.generateAsync({ type: 'nodebuffer' }));

const plain = (value) => (value?.richText ? value.richText.map((run) => run.text).join('') : value);
const written = (value) => JSON.stringify(value instanceof Date ? value.toISOString().slice(0, 10) : value);
const row = (values) => values.map(plain).map(written).join(', ');
const other = row((await readExcelFile('cards.xlsx'))[0].data[0]);
const book = new ExcelJS.Workbook();
await book.xlsx.readFile('cards.xlsx');
const whole = row(book.worksheets[0].getRow(1).values.slice(1));
let streamed;
for await (const sheet of new ExcelJS.stream.xlsx.WorkbookReader('cards.xlsx')) {
  for await (const r of sheet) streamed = row(r.values.slice(1));
}
console.log('expected, as by read-excel-file: ', other);
console.log('seen, by ExcelJS, whole:         ', whole);
console.log('seen, by ExcelJS, streamed:      ', streamed);
process.exitCode = other === '"gate 3", "2026-11-29"' && whole === '"gate 3", 2026' && streamed === '"3", 2026' ? 0 : 1;
JS
version() { node -p "JSON.parse(require('fs').readFileSync('node_modules/$1/package.json')).version"; }
echo "exceljs $(version exceljs), read-excel-file $(version read-excel-file)"
node look.mjs || { echo "exceljs or read-excel-file changed: look at this finding again"; exit 1; }
