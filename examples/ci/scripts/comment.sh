#!/usr/bin/env bash
# Shows what plan.sh made in the one comment of a pull or merge request, sets its
# labels, and fails where the plan failed.
. "$(dirname "$0")/lib.sh"

number=$(request)
code=$(cat "$out/code")
if [ "$code" = merged ]; then
	exit 0 # plan.sh has said so
fi
if [ -s "$plan" ]; then
	printf '\n[Every card](%s) · commit %s\n' "$(report_url)" "$(cat "$out/head")" >>"$out/plan.md"
fi
comment "$number" "$out/plan.md"

wanted=()
while read -r each; do
	wanted+=("$(label "$each")")
done <"$out/labels"
set_labels "$number" "${wanted[@]}"

case $code in
0 | 2) ;;
*) die "cardfleet plan ended with exit code $code; its own output says why" ;;
esac
