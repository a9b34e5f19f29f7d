#!/usr/bin/env bash
# After a merge: applies exactly the plans that were reviewed, of each pull or
# merge request that this push merged. It exits with the worst code of them.
. "$(dirname "$0")/lib.sh"

# meaning CODE says in a sentence what an exit code of apply is.
meaning() {
	case $1 in
	0) echo 'Done.' ;;
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

# tell NUMBER CODE says what became of it, in one comment.
tell() {
	{
		mark apply
		printf '\n## Applied, with exit code %s\n\n%s\n' "$2" "$(meaning "$2")"
		if [ -s "$out/apply-$1.jsonl" ]; then
			jq -r 'select(.type == "change_summary" and .changes.operation == "apply") | "\n" + .["@message"]' "$out/apply-$1.jsonl"
		fi
		if [ "$2" = 0 ] && [ ${#approvals[@]} -gt 0 ]; then
			printf "\n\`fleet.approvals\` has done its work: delete it with the next merge.\n"
		fi
		printf '\n[The run](%s), with its report.\n' "$job_url"
	} >"$out/applied.md"
	summary "$out/applied.md"
	comment "$1" "$out/applied.md"
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
