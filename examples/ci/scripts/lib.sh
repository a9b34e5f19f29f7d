# What the other scripts have in common. They source it; it does nothing by itself.
# shellcheck shell=bash
#
#   CARDFLEET_DIR   the configuration's folder; the repository itself unless said
#   CARDFLEET_NAME  its name, where several fleets are in one repository: in the
#                   comments' markers and before the labels
set -Eeuo pipefail
shopt -s inherit_errexit # a failure within $(…) is one, too
trap 'exit 1' ERR        # codes of curl and jq would be taken for those of cardfleet

fleet=${CARDFLEET_DIR:-.}
name=${CARDFLEET_NAME:-}
out=$PWD/cardfleet-ci # what a job leaves for people and for later jobs
plan=$out/fleet.fleetplan
labels=(irreversible blocked no-changes)
approvals=() # what is signed for the plan, committed beside the configuration
if [ -e "$fleet/fleet.approvals" ]; then
	approvals=(-approvals=fleet.approvals)
fi

say() { printf '%s\n' "$*" >&2; }

die() {
	say "Error: $*"
	exit 1
}

# mark KIND prints the hidden first line by which a comment is found again, in
# the form of show -markdown.
mark() { printf '<!-- cardfleet-%s%s -->' "$1" "${name:+: $name}"; }

# label NAME prints a label, with the fleet's name before it where it has one.
label() { printf '%s' "${name:+$name/}$1"; }

# api METHOD PATH [FILE] calls the platform, with the JSON of FILE (- for standard
# input), and prints its answer. The token goes through a file descriptor, since
# every process of a machine can read command lines. A POST isn't repeated: it
# might have been done.
api() {
	local method=$1 path=$2 answer
	local options=(--silent --show-error --fail-with-body --location --max-time 120 --request "$method")
	if [ $# -gt 2 ]; then
		options+=(--header 'Content-Type: application/json' --data-binary "@$3")
	fi
	if [ "$method" != POST ]; then
		options+=(--retry 3)
	fi
	if ! answer=$(curl "${options[@]}" --header @<(headers) "$api/$path"); then
		die "$method $path: $answer"
	fi
	printf '%s\n' "$answer"
}

# download PATH FILE saves what the platform answers.
download() {
	curl --silent --show-error --fail --location --max-time 600 --retry 3 --header @<(headers) --output "$2" "$api/$1" ||
		die "GET $1 failed, so there is no ${2##*/}"
}

# every PATH prints all pages of a list as one.
every() {
	local path=$1 page=1 list join='?'
	case $path in *\?*) join='&' ;; esac
	while :; do
		list=$(api GET "$path${join}per_page=100&page=$page") || exit 1
		printf '%s\n' "$list"
		if [ "$(jq length <<<"$list")" -lt 100 ]; then
			break
		fi
		page=$((page + 1))
	done | jq -s 'add // []'
}

# commits BEFORE AFTER prints what a push brought to the branch, oldest first.
commits() {
	if git cat-file -e "$1^{commit}" 2>/dev/null; then
		git rev-list --reverse --first-parent "$1..$2"
	else
		echo "$2" # the branch is new, or was rewritten
	fi
}

# diagnosed LINES prints what the diagnostics of a run say, as Markdown: of the
# JSON lines that -json-into writes, as many as a comment has room for. A fence that
# is longer than any in it keeps all of it text.
diagnosed() {
	jq -rn '
		def where: .range | if . then "  on \(.filename) line \(.start.line), column \(.start.column)\n" else "" end;
		[inputs | select(.type == "diagnostic") | .diagnostic] | sort_by(.severity != "error") |
		map("\(if .severity == "error" then "Error" else "Warning" end): \(.summary)\n\(where)\(if (.detail // "") != "" then "\n\(.detail)\n" else "" end)") |
		. as $all | reduce .[] as $d ([]; if (join("\n") | length) + ($d | length) < 60000 then . + [$d] else . end) |
		length as $n | join("\n") | select(. != "") |
		("`" * ([3, ([scan("`+") | length + 1] | max // 0)] | max)) as $fence |
		"\($fence)text\n\(.)\($fence)" + if ($all | length) > $n then "\n\n… and \(($all | length) - $n) more, which the log has." else "" end' "$1"
}

# diagnostics LINES prints each of a run's diagnostics that has a place, one JSON
# object a line, with the file as the repository has it.
diagnostics() {
	jq -c --arg fleet "${fleet%/}" 'select(.type == "diagnostic") | .diagnostic | select(.range) |
		{severity, summary, detail: (.detail // ""), line: .range.start.line, column: .range.start.column,
		 file: (if $fleet == "." or $fleet == "" then .range.filename else "\($fleet)/\(.range.filename)" end)}' "$1"
}

# markdown prints the saved plan as a comment, with room for a line below it.
markdown() {
	local options=(-markdown -limit=65000)
	if [ -n "$name" ]; then
		options+=("-marker=$name")
	fi
	cardfleet -chdir="$fleet" show "${options[@]}" "${approvals[@]}" "$plan"
}

# verdict prints which labels the saved plan deserves, one a line. It reads the
# plan as a stream: one of a million cards is no more work for memory.
verdict() {
	cardfleet -chdir="$fleet" show -json "${approvals[@]}" "$plan" | jq -rn --stream '
		fromstream(inputs | select((.[0][0] | . != "cards" and . != "privacy_numbers") or (length == 1 and (.[0] | length) == 1)))
		| (if .summary.unbind > 0 then "irreversible" else empty end),
		  (if .summary.guarded > .summary.approved or (.limits // []) != [] or (.complete | not) then "blocked" else empty end)'
}

here=$(dirname "${BASH_SOURCE[0]}")
if [ "${GITHUB_ACTIONS:-}" = true ]; then
	# shellcheck source=github.sh
	. "$here/github.sh"
elif [ "${GITLAB_CI:-}" = true ]; then
	# shellcheck source=gitlab.sh
	. "$here/gitlab.sh"
else
	die "this is neither GitHub Actions nor GitLab CI"
fi
