#!/usr/bin/env bash
# After a merge: applies exactly the plans that were reviewed, of each pull or
# merge request that this push merged. It exits with the worst code of them.
. "$(dirname "$0")/lib.sh"

# meaning CODE says in a sentence what an exit code of apply is.
meaning() {
	case $1 in
	0) echo 'All is as it was planned.' ;;
	1) echo 'An error ended it; the log says which. What was done is in the report, and in the state.' ;;
	3) echo '**Refused, and nothing was changed**: approvals are missing, or a limit is passed. Merge the approval, or the new limit: the plan of that request has these actions again.' ;;
	4) echo 'Another run has had the state locked for all this time, so nothing was changed. Run this job again.' ;;
	5) echo 'Some actions failed, were dropped because their card has changed, or are in doubt; the rest is done. The plan of the next request has what is left.' ;;
	130) echo 'Interrupted: the report says what was done. Run this job again, or let the next plan have the rest.' ;;
	*) echo 'It ended in a way that is not documented.' ;;
	esac
}

# apply_plan NUMBER carries the saved plan out.
apply_plan() {
	local options=(-lock-timeout=60m "-json-into=$out/apply-$1.jsonl" "-report=$out/report-$1.jsonl")
	cardfleet -chdir="$fleet" apply "${options[@]}" "${approvals[@]}" "$plan"
}

# done_by_kind LINES says in a sentence what an apply did, by its JSON lines: what it
# began and brought to its end, by kind, or that there was nothing. What is told as
# done before the first action begins was as wanted already, and isn't its work.
done_by_kind() {
	if [ ! -s "$1" ]; then
		echo '**Nothing was done**: no call that changes a card was made.'
		return
	fi
	jq -rn '
		reduce inputs as $l ({done: {}, begun: 0, already: 0, ended: false};
			if $l.type == "apply_start" then .begun += 1
			elif $l.type == "apply_complete" and .begun == 0 then .already += 1
			elif $l.type == "apply_complete" then .done[$l.hook.action] += 1
			elif $l.type == "change_summary" and $l.changes.operation == "apply" then .ended = true
			else . end)
		| (if (.done | length) > 0 then "Done: \([.done | to_entries[] | "\(.value) \(.key)"] | join(", "))."
			elif .begun == 0 then "**Nothing was done**: no call that changes a card was made."
			else "**Nothing was done**, though \(.begun) actions were begun." end)
		+ (if .already > 0 then " As wanted already: \(.already)." else "" end)
		+ if .ended or .begun == 0 then "" else " The run broke off: the journal of the state has what was under way, and the next plan looks what became of that." end' "$1"
}

# tell NUMBER CODE says what became of it, in a comment of its own.
tell() {
	local did title='Nothing was applied'
	did=$(done_by_kind "$out/apply-$1.jsonl")
	if [[ $did = Done:* ]]; then
		title=Applied
	fi
	{
		mark apply
		printf '\n## %s, with exit code %s\n\n%s\n\n%s\n' "$title" "$2" "$did" "$(meaning "$2")"
		if [ -s "$out/apply-$1.jsonl" ]; then
			jq -r 'select(.type == "change_summary" and .changes.operation == "apply") | "\n" + .["@message"]' "$out/apply-$1.jsonl"
		fi
		if [ "$2" = 0 ] && [ ${#approvals[@]} -gt 0 ]; then
			printf "\n\`fleet.approvals\` has done its work: delete it with the next merge.\n"
		fi
		printf '\n[The run](%s), with its report.\n' "$job_url"
	} >"$out/applied.md"
	summary "$out/applied.md"
	new_comment "$1" "$out/applied.md" # a job that is run again leaves what the first one did
}

rm -rf "$out"
mkdir -p "$out"
merged >"$out/merged"
if [ ! -s "$out/merged" ]; then
	say "No merged request belongs to this push: nothing was reviewed, so nothing is applied."
	exit 0
fi

worst=0
while read -r number head; do
	say "Applying the plan of request $number, commit $head."
	rm -f "$plan"
	code=0
	(fetch_plan "$number" "$head") || code=$?
	if [ "$code" = 0 ]; then
		apply_plan "$number" </dev/null || code=$?
	fi
	say "Request $number: exit code $code. $(meaning "$code")"
	tell "$number" "$code"
	if [ "$code" -gt "$worst" ]; then
		worst=$code
	fi
done <"$out/merged"
exit "$worst"
