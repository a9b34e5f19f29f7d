#!/usr/bin/env bash
# LibreOffice, asked to convert a CSV file to xlsx and back, makes numbers of
# ICCIDs, and writes them in E notation, with 15 digits and without a word.
# It needs soffice (Debian's libreoffice-calc); without it, it ends with code 2.
#
# Expected: digits that are no amount stay as they are, or a warning. Seen:
# 8.98606170300173E+019 and 8.98606170300173E+19.
set -euo pipefail
command -v soffice >/dev/null || { echo "soffice isn't installed: apt-get install libreoffice-calc"; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
printf 'iccid\n89860617030017300008\n' >cards.csv
convert() { HOME=$work soffice --headless "-env:UserInstallation=file://$work/profile" --convert-to "$1" --outdir . "$2" >/dev/null 2>&1; }
soffice --version
convert xlsx cards.csv
raw=$(python3 -c 'import re, zipfile; print(re.findall(r"<v>([^<]*E[^<]*)</v>", zipfile.ZipFile("cards.xlsx").read("xl/worksheets/sheet1.xml").decode())[0])' || true)
mv cards.csv given.csv
convert csv cards.xlsx
echo "given:              $(tail -1 given.csv)"
echo "expected:           the same"
echo "seen in the xlsx:   ${raw:-no number}"
echo "seen in the CSV:    $(tail -1 cards.csv)"
case "$raw $(tail -1 cards.csv)" in
8.98606170300173E+*\ 8.98606170300173E+*) ;;
*) echo "LibreOffice changed: look at this finding again"; exit 1 ;;
esac
