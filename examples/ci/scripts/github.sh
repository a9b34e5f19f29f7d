# GitHub's side of what the scripts need. lib.sh sources it.
# shellcheck shell=bash disable=SC2034,SC2154
#
#   GITHUB_TOKEN        the job's token, with the permissions that the workflow gives it
#   CARDFLEET_BOT       who writes the comments, where that isn't the job's own token
#   CARDFLEET_WORKFLOW  the file that makes the plans; cardfleet-plan.yml unless said

api=${GITHUB_API_URL:?}
repo=repos/${GITHUB_REPOSITORY:?}
bot=${CARDFLEET_BOT:-github-actions[bot]}
workflow=${CARDFLEET_WORKFLOW:-cardfleet-plan.yml}
job_url=${GITHUB_SERVER_URL:?}/$GITHUB_REPOSITORY/actions/runs/${GITHUB_RUN_ID:?}

headers() {
	printf 'Authorization: Bearer %s\n' "${GITHUB_TOKEN:?}"
	printf 'Accept: application/vnd.github+json\nX-GitHub-Api-Version: 2022-11-28\n'
}

# request prints the number of the pull request that the job is for. A merge
# queue names it in its branch: …/gh-readonly-queue/main/pr-7-0123abcd.
request() {
	local queued=${MERGE_GROUP_REF:-}
	if [ -n "${PR_NUMBER:-}" ]; then
		echo "$PR_NUMBER"
	elif [[ $queued =~ /pr-([0-9]+)-[0-9a-f]+$ ]]; then
		echo "${BASH_REMATCH[1]}"
	else
		die "this job is for no pull request"
	fi
}

# head_of NUMBER prints the pull request's last commit.
head_of() { api GET "$repo/pulls/$1" | jq -r .head.sha; }

# this_head prints the commit that the job's plan is of.
this_head() { echo "${PR_HEAD:?}"; }

# report_url prints where the HTML report can be looked at.
report_url() { echo "${REPORT_URL:-$job_url}"; }

# comment NUMBER FILE puts FILE into the comment that begins with the same line,
# or into a new one.
comment() {
	local id
	id=$(every "$repo/issues/$1/comments" | own "$(head -n 1 "$2")" | jq -r '.id // empty')
	if [ -n "$id" ]; then
		as_body "$2" | api PATCH "$repo/issues/comments/$id" - >/dev/null
	else
		as_body "$2" | api POST "$repo/issues/$1/comments" - >/dev/null
	fi
}

# new_comment NUMBER FILE writes another comment: what a run did isn't written over.
new_comment() { as_body "$2" | api POST "$repo/issues/$1/comments" - >/dev/null; }

# is_merged NUMBER says whether the pull request is merged.
is_merged() { [ "$(api GET "$repo/pulls/$1" | jq '.merged_at != null')" = true ]; }

# annotate LINES shows the diagnostics of a run at their lines. GitHub shows ten of
# a step, of each kind.
annotate() {
	diagnostics "$1" | jq -r '
		def data: gsub("%"; "%25") | gsub("\r"; "%0D") | gsub("\n"; "%0A");
		def property: data | gsub(":"; "%3A") | gsub(","; "%2C");
		"::\(if .severity == "error" then "error" else "warning" end) file=\(.file | property),line=\(.line),col=\(.column),title=\(.summary | property)::\(if .detail == "" then .summary else .detail end | data)"'
}

# own MARK picks, of a list, the last that the bot wrote and that begins with MARK.
own() {
	jq --arg mark "$1" --arg bot "$bot" \
		'[.[] | select(.user.login == $bot and ((.body // "") | startswith($mark)))] | last // {}'
}

as_body() { jq -n --rawfile body "$1" '{body: $body}'; }

# set_labels NUMBER [LABEL…] sets these of ours, and takes the others of ours away.
set_labels() {
	local number=$1 present wanted each
	shift
	present=$(every "$repo/issues/$number/labels" | jq -r '.[].name')
	wanted=$(printf '%s\n' "$@")
	for each in "${labels[@]}"; do
		each=$(label "$each")
		if grep -qxF -- "$each" <<<"$wanted"; then
			if ! grep -qxF -- "$each" <<<"$present"; then
				jq -n --arg name "$each" '{labels: [$name]}' | api POST "$repo/issues/$number/labels" - >/dev/null
			fi
		elif grep -qxF -- "$each" <<<"$present"; then
			api DELETE "$repo/issues/$number/labels/$(jq -rn --arg name "$each" '$name | @uri')" >/dev/null
		fi
	done
}

# merged prints the pull requests that this push merged, oldest first: NUMBER HEAD.
merged() {
	local commit
	for commit in $(commits "${BEFORE:?}" "${GITHUB_SHA:?}"); do
		api GET "$repo/commits/$commit/pulls" | jq -r --arg commit "$commit" --arg base "${GITHUB_REF_NAME:?}" \
			'.[] | select(.merged_at != null and .merge_commit_sha == $commit and .base.ref == $base) | "\(.number) \(.head.sha)"'
	done
}

# doubtful NUMBER BRANCH prints the spans of time, [FROM, TO] in seconds, in which
# a run of BRANCH may have been made with the workflow of another base: until
# NUMBER's own base was changed last, and while another pull request had BRANCH.
# GitHub lets no two that are open have the same branch and base. A run may come
# minutes after what it is for. The pull_requests of a run say nothing of this:
# they are those that are open now and have its branch.
doubtful() {
	local changes others
	changes=$(every "$repo/issues/$1/events") || exit 1
	others=$(every "$repo/pulls?state=all&head=$(jq -rn --arg head "${GITHUB_REPOSITORY%%/*}:$2" '$head | @uri')") || exit 1
	jq -n --argjson number "$1" --slurpfile changes <(printf '%s' "$changes") --slurpfile others <(printf '%s' "$others") '
		def seconds: fromdateiso8601;
		[($changes[0][] | select(.event == "base_ref_changed" or .event == "automatic_base_change_succeeded")
			| [0, (.created_at | seconds) + 600]),
		 ($others[0][] | select(.number != $number and .head.repo.full_name == env.GITHUB_REPOSITORY)
			| [(.created_at | seconds), (if .closed_at then (.closed_at | seconds) + 600 else 1e12 end)])]'
}

# run_of NUMBER HEAD BRANCH prints the last run that planned HEAD for NUMBER and
# its base, if it went well. The workflow of such a run was reviewed with the
# rest, so that no other branch can put a plan in its place.
run_of() {
	local doubts runs
	doubts=$(doubtful "$1" "$3") || exit 1
	runs=$(api GET "$repo/actions/workflows/$workflow/runs?event=pull_request&head_sha=$2&per_page=100") || exit 1
	jq -r --arg head "$2" --arg branch "$3" --argjson doubts "$doubts" '
		[.workflow_runs[]
			| select(.head_repository.full_name == env.GITHUB_REPOSITORY and .head_branch == $branch and .head_sha == $head)
			| (.created_at | fromdateiso8601) as $at | select(all($doubts[]; $at < .[0] or $at > .[1]))]
		| max_by(.id) // {} | select(.conclusion == "success") | .id' <<<"$runs"
}

# fetch_plan NUMBER HEAD gets the plan that was made of HEAD for NUMBER and its
# base, before the merge. A run of a fork has none.
fetch_plan() {
	local pull branch run artifact
	pull=$(api GET "$repo/pulls/$1") || exit 1
	branch=$(jq -r --arg head "$2" 'select(.head.repo.full_name == env.GITHUB_REPOSITORY and .head.sha == $head) | .head.ref' <<<"$pull")
	if [ -z "$branch" ]; then
		die "commit $2 isn't the last one of pull request $1, or comes from a fork. Plans aren't made for forks"
	fi
	run=$(run_of "$1" "$2" "$branch") || exit 1
	if [ -z "$run" ]; then
		die "pull request $1 has no finished plan of its last commit $2. Plans aren't made for forks, a plan that failed can't be applied, and one that was made while another pull request had the branch $branch, or within ten minutes of that or of a change of the base, could be of another base's workflow. Close the other, and push again; after the merge, open another pull request: its plan has what is left to do"
	fi
	artifact=$(api GET "$repo/actions/runs/$run/artifacts?name=cardfleet-plan" |
		jq -r --argjson pull "$pull" '[.artifacts[] | select((.expired | not) and ($pull.merged_at == null or (.created_at // "~") <= $pull.merged_at))] | max_by(.id) // {} | .id // empty') || exit 1
	if [ -z "$artifact" ]; then
		die "the plan of pull request $1 has expired, or was made after the merge, so that nobody reviewed it. Open another pull request: its plan has what is left to do"
	fi
	download "$repo/actions/artifacts/$artifact/zip" "$out/plan.zip"
	unzip -p "$out/plan.zip" fleet.fleetplan >"$plan" || die "the artifact of pull request $1 has no plan in it"
	rm "$out/plan.zip"
}

# open_issue prints the number of the drift issue that is open, or nothing.
open_issue() {
	every "$repo/issues?state=open&labels=cardfleet-drift" | jq 'map(select(has("pull_request") | not))' |
		own "$(mark plan)" | jq -r '.number // empty'
}

new_issue() {
	jq -n --arg title "$1" --rawfile body "$2" '{title: $title, body: $body, labels: ["cardfleet-drift"]}' |
		api POST "$repo/issues" - >/dev/null
}

update_issue() { as_body "$2" | api PATCH "$repo/issues/$1" - >/dev/null; }

close_issue() {
	jq -n --arg body "$2" '{body: $body}' | api POST "$repo/issues/$1/comments" - >/dev/null
	echo '{"state": "closed", "state_reason": "completed"}' | api PATCH "$repo/issues/$1" - >/dev/null
}

# summary FILE shows FILE on the run's page.
summary() { cat "$1" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"; }
