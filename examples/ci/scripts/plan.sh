#!/usr/bin/env bash
# Makes the plan of a pull or merge request, and leaves in cardfleet-ci/ what
# comment.sh and later jobs need. It ends well also where the plan failed, so
# that comment.sh can say so; comment.sh then fails the job.
. "$(dirname "$0")/lib.sh"

rm -rf "$out"
mkdir -p "$out"
this_head >"$out/head"

code=0
cardfleet -chdir="$fleet" plan -out="$plan" "${approvals[@]}" -detailed-exitcode || code=$?
echo "$code" >"$out/code"

if [ ! -s "$plan" ]; then
	{
		mark plan
		printf '\n## No plan\n\nThere is no plan of commit %s: cardfleet ended with exit code %s. [The log](%s) says why.\n' "$(this_head)" "$code" "$job_url"
	} >"$out/plan.md"
	echo blocked >"$out/labels"
	summary "$out/plan.md"
	exit 0
fi

markdown >"$out/plan.md"
cardfleet -chdir="$fleet" show -html "${approvals[@]}" "$plan" >"$out/plan.html"
verdict >"$out/labels"
if [ "$code" = 0 ]; then
	echo no-changes >>"$out/labels"
fi
summary "$out/plan.md"
