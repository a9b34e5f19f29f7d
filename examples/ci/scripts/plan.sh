#!/usr/bin/env bash
# Makes the plan of a pull or merge request, and leaves in cardfleet-ci/ what
# comment.sh and later jobs need. It ends well also where the plan failed, so
# that comment.sh can say so; comment.sh then fails the job.
. "$(dirname "$0")/lib.sh"

rm -rf "$out"
mkdir -p "$out"
this_head >"$out/head"
CARDFLEET_COMMIT=$(this_head)
export CARDFLEET_COMMIT # the plan names it

# A job that is run again after the merge would put another plan, of what is left
# by then, in the place of the one that was reviewed.
if is_merged "$(request)"; then
	say "The request is merged: its plan and its comment stay as they were reviewed. Open another request to plan what is left."
	echo merged >"$out/code"
	exit 0
fi

# shown shows the saved plan in each form. Approvals that can't be read, or are
# for another plan, leave its labels as they are without any, or it fails.
shown() {
	markdown >"$out/plan.md" &&
		cardfleet -chdir="$fleet" show -html "${approvals[@]}" "$plan" >"$out/plan.html" &&
		verdict >"$out/labels"
}

code=0
cardfleet -chdir="$fleet" plan -out="$plan" "-json-into=$out/plan.jsonl" "${approvals[@]}" -detailed-exitcode || code=$?
touch "$out/plan.jsonl"
annotate "$out/plan.jsonl"

if [ ! -s "$plan" ] || ! shown; then
	if [ "$code" = 0 ] || [ "$code" = 2 ]; then
		code=1 # the plan was made, and can't be shown
	fi
	rm -f "$plan" "$out/plan.html"
	{
		mark plan
		printf '\n## No plan\n\nThere is no plan of commit %s: cardfleet ended with exit code %s.\n\n' "$(this_head)" "$code"
		diagnosed "$out/plan.jsonl"
		printf '\n[The log](%s) has all that it said.\n' "$job_url"
	} >"$out/plan.md"
	echo blocked >"$out/labels"
elif [ "$code" = 0 ]; then
	echo no-changes >>"$out/labels"
fi
echo "$code" >"$out/code"
summary "$out/plan.md"
