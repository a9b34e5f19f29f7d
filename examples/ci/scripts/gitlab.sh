# GitLab's side of what the scripts need. lib.sh sources it.
# shellcheck shell=bash disable=SC2034,SC2154
#
#   CARDFLEET_GITLAB_TOKEN  a project access token: role Developer, scope api. The
#                           job's own token can't write comments

api=${CI_API_V4_URL:?}
repo=projects/${CI_PROJECT_ID:?}
job_url=${CI_JOB_URL:?}

headers() { printf 'PRIVATE-TOKEN: %s\n' "${CARDFLEET_GITLAB_TOKEN:?}"; }

# request prints the number of the merge request that the job is for.
request() { echo "${CI_MERGE_REQUEST_IID:?}"; }

# head_of NUMBER prints the merge request's last commit.
head_of() { api GET "$repo/merge_requests/$1" | jq -r .sha; }

# this_head prints the commit that the job's plan is of. A pipeline of merged
# results runs on another commit than the merge request's last.
this_head() {
	local head=${CI_MERGE_REQUEST_SOURCE_BRANCH_SHA:-}
	echo "${head:-${CI_COMMIT_SHA:?}}"
}

# report_url prints where the HTML report can be looked at.
report_url() { echo "$job_url/artifacts/file/cardfleet-ci/plan.html"; }

# comment NUMBER FILE puts FILE into the comment that begins with the same line,
# or into a new one.
comment() {
	local id
	id=$(every "$repo/merge_requests/$1/notes" | own body "$(head -n 1 "$2")" | jq -r '.id // empty')
	if [ -n "$id" ]; then
		as_body "$2" | api PUT "$repo/merge_requests/$1/notes/$id" - >/dev/null
	else
		as_body "$2" | api POST "$repo/merge_requests/$1/notes" - >/dev/null
	fi
}

# new_comment NUMBER FILE writes another comment: what a run did isn't written over.
new_comment() { as_body "$2" | api POST "$repo/merge_requests/$1/notes" - >/dev/null; }

# is_merged NUMBER says whether the merge request is merged.
is_merged() { [ "$(api GET "$repo/merge_requests/$1" | jq '.merged_at != null')" = true ]; }

# annotate LINES shows the diagnostics of a run at their lines, as a report on code
# quality.
annotate() {
	diagnostics "$1" | jq -s '[.[] | {
		description: (.summary + if .detail == "" then "" else ": \(.detail)" end), check_name: "cardfleet",
		fingerprint: ("\(.file)\n\(.line)\n\(.column)\n\(.summary)\n\(.detail)" | @base64),
		severity: (if .severity == "error" then "blocker" else "minor" end),
		location: {path: .file, lines: {begin: .line}}}]' >"$out/code-quality.json"
}

# own FIELD MARK picks, of a list, the newest that the token's user wrote and whose
# FIELD begins with MARK.
own() {
	local me
	me=$(api GET user | jq .id)
	jq --arg field "$1" --arg mark "$2" --argjson me "$me" \
		'[.[] | select(.author.id == $me and ((.[$field] // "") | startswith($mark)))] | max_by(.id) // {}'
}

as_body() { jq -n --rawfile body "$1" '{body: $body}'; }

# set_labels NUMBER [LABEL…] sets these of ours, and takes the others of ours away.
set_labels() {
	local number=$1 wanted each add='' remove=''
	shift
	wanted=$(printf '%s\n' "$@")
	for each in "${labels[@]}"; do
		each=$(label "$each")
		if grep -qxF -- "$each" <<<"$wanted"; then
			add+=${add:+,}$each
		else
			remove+=${remove:+,}$each
		fi
	done
	jq -n --arg add "$add" --arg remove "$remove" '{add_labels: $add, remove_labels: $remove} | with_entries(select(.value != ""))' |
		api PUT "$repo/merge_requests/$number" - >/dev/null
}

# merged prints the merge requests that this push merged, oldest first: NUMBER HEAD.
merged() {
	local commit
	for commit in $(commits "${CI_COMMIT_BEFORE_SHA:?}" "${CI_COMMIT_SHA:?}"); do
		api GET "$repo/repository/commits/$commit/merge_requests" | jq -r --arg commit "$commit" --arg base "${CI_COMMIT_BRANCH:?}" \
			'.[] | select(.state == "merged" and .target_branch == $base and ([.merge_commit_sha, .squash_commit_sha, .sha] | index($commit))) | "\(.iid) \(.sha)"'
	done
}

# pipeline_of NUMBER prints the last pipeline of the merge request itself: ID SHA.
# GitLab alone writes these refs. Those of branches, of a merge train and of other
# merge requests with the same commit have other refs.
pipeline_of() {
	local pipelines
	pipelines=$(api GET "$repo/merge_requests/$1/pipelines?per_page=100") || exit 1
	jq -r --arg ref "refs/merge-requests/$1" \
		'[.[] | select(.ref == $ref + "/head" or .ref == $ref + "/merge")] | max_by(.id) // empty | "\(.id) \(.sha)"' <<<"$pipelines"
}

# is_of SHA HEAD TARGET says whether a pipeline on SHA is one of HEAD: on that
# commit, or on its merge with a commit that the target branch has.
is_of() {
	local parents base common
	if [ "$1" = "$2" ]; then
		return 0
	fi
	parents=$(api GET "$repo/repository/commits/$1" | jq -r '.parent_ids | join(" ")') || exit 1
	base=${parents%% *}
	if [ "$parents" != "$base $2" ]; then
		return 1
	fi
	common=$(api GET "$repo/repository/merge_base?refs%5B%5D=$base&refs%5B%5D=$(jq -rn --arg name "$3" '$name | @uri')" | jq -r .id) || exit 1
	[ "$common" = "$base" ]
}

# fetch_plan NUMBER HEAD gets the plan of the last pipeline, if GitLab says that
# it is of HEAD, and was there before the merge. What a job has put into its
# artifacts proves nothing.
fetch_plan() {
	local request target merged_at pipeline sha job finished_at
	request=$(api GET "$repo/merge_requests/$1") || exit 1
	target=$(jq -r 'select(.source_project_id == .target_project_id) | .target_branch' <<<"$request")
	if [ -z "$target" ]; then
		die "merge request $1 comes from a fork, and plans aren't made for forks"
	fi
	read -r pipeline sha < <(pipeline_of "$1") || die "merge request $1 has no pipeline, so there is no plan of it"
	if ! is_of "$sha" "$2" "$target"; then
		die "the last pipeline of merge request $1 is on commit $sha, which isn't its last commit $2 nor the merge of that with $target. Run its pipeline again, or open another merge request: its plan has what is left to do"
	fi
	read -r job finished_at < <(api GET "$repo/pipelines/$pipeline/jobs?per_page=100" |
		jq -r '[.[] | select(.name == "cardfleet-plan" and .status == "success")] | max_by(.id) // empty | "\(.id) \(.finished_at)"') ||
		die "merge request $1 has no finished plan. Plans aren't made for forks, and a plan that failed can't be applied"
	merged_at=$(jq -r '.merged_at // empty' <<<"$request")
	if [ -n "$merged_at" ] && [ "$(date -d "$finished_at" +%s%N)" -gt "$(date -d "$merged_at" +%s%N)" ]; then
		die "the plan of merge request $1 was made after the merge, so that nobody reviewed it. Open another merge request: its plan has what is left to do"
	fi
	download "$repo/jobs/$job/artifacts/cardfleet-ci/fleet.fleetplan" "$plan"
}

# open_issue prints the number of the drift issue that is open, or nothing.
open_issue() {
	every "$repo/issues?state=opened&labels=cardfleet-drift" | own description "$(mark plan)" | jq -r '.iid // empty'
}

new_issue() {
	jq -n --arg title "$1" --rawfile body "$2" '{title: $title, description: $body, labels: "cardfleet-drift"}' |
		api POST "$repo/issues" - >/dev/null
}

update_issue() { jq -n --rawfile body "$2" '{description: $body}' | api PUT "$repo/issues/$1" - >/dev/null; }

close_issue() {
	jq -n --arg body "$2" '{body: $body}' | api POST "$repo/issues/$1/notes" - >/dev/null
	echo '{"state_event": "close"}' | api PUT "$repo/issues/$1" - >/dev/null
}

# summary FILE: the job's log has it all.
summary() { :; }
