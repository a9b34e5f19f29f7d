#!/usr/bin/env bash
# Every night: does the fleet still match its configuration? What differs is kept
# in one issue, which is closed once nothing does.
. "$(dirname "$0")/lib.sh"

rm -rf "$out"
mkdir -p "$out"
code=0
cardfleet -chdir="$fleet" plan -out="$plan" -detailed-exitcode || code=$?

case $code in
0)
	issue=$(open_issue)
	if [ -n "$issue" ]; then
		close_issue "$issue" "The fleet matches its configuration again: $job_url"
	fi
	;;
2)
	{
		markdown
		printf '\n[The run](%s), with the report of every card.\n' "$job_url"
	} >"$out/plan.md"
	cardfleet -chdir="$fleet" show -html "$plan" >"$out/plan.html"
	issue=$(open_issue)
	if [ -n "$issue" ]; then
		update_issue "$issue" "$out/plan.md"
	else
		new_issue "cardfleet: the fleet${name:+ $name} differs from its configuration" "$out/plan.md"
	fi
	;;
*)
	die "cardfleet plan ended with exit code $code, so nobody knows whether the fleet has drifted; its output above says why"
	;;
esac
