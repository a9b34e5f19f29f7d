#!/usr/bin/env bash
# Before a merge: would the plan that was reviewed still run, all of it? It makes
# no call that changes a card.
. "$(dirname "$0")/lib.sh"

rm -rf "$out"
mkdir -p "$out"
number=$(request)
fetch_plan "$number" "$(head_of "$number")"

judged=$(verdict)
if grep -qx blocked <<<"$judged"; then
	die "apply would refuse this plan: approvals are missing, a limit is passed, or a carrier could not be read. The comment says which"
fi

code=0
cardfleet -chdir="$fleet" plan -check="$plan" "${approvals[@]}" || code=$?
case $code in
0) say "The plan still holds." ;;
5) die "the plan would not run as it is; the output above says why. Where something changed since the plan was made, run the plan again, and have it reviewed" ;;
*) die "cardfleet plan -check ended with exit code $code; its output above says why" ;;
esac
