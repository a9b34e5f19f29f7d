#!/usr/bin/env bash
# Installs cardfleet in CARDFLEET_VERSION, and what these scripts need.
#
#   CARDFLEET_SIGNERS   the file of the keys that may sign a release, as ssh-keygen reads
#                       allowed signers; release.signers beside this script unless said
#   CARDFLEET_RELEASES  where the releases are; GitHub's unless said
#
# With a file of signers a release is downloaded, and counts only as one of them has
# signed it. A commit, and a release where there is no such file, is built by Go,
# which checks it against its checksum database. A Go that is too old for it downloads
# the right one by itself, also in the image golang, which forbids that unless asked.
set -euo pipefail

version=${CARDFLEET_VERSION:?}
bin=$PWD/cardfleet-bin
signers=${CARDFLEET_SIGNERS:-$(dirname "$0")/release.signers}

die() {
	printf 'Error: %s\n' "$*" >&2
	exit 1
}

# need PROGRAM PACKAGE installs Debian's PACKAGE unless PROGRAM is there.
need() {
	if ! command -v "$1" >/dev/null; then
		apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates "$2"
	fi
}

# is_release says whether the version is a release, and no commit.
is_release() {
	[[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] && ! [[ $version =~ [0-9]{14}-[0-9a-f]{12}$ ]]
}

# platform prints this machine's, in the words of the archives.
platform() {
	local system=linux machine
	[ "$(uname -s)" != Darwin ] || system=darwin
	case $(uname -m) in
	x86_64 | amd64) machine=amd64 ;;
	aarch64 | arm64) machine=arm64 ;;
	*) die "there is no release for $(uname -m): leave out CARDFLEET_SIGNERS, so that Go builds it" ;;
	esac
	echo "${system}_$machine"
}

# fetch FILE downloads a file of the release into $dir.
fetch() {
	local from=${CARDFLEET_RELEASES:-https://github.com/cardfleet/cardfleet/releases/download}/$version/$1
	curl --silent --show-error --fail --location --max-time 600 --retry 3 --output "$dir/$1" "$from" ||
		die "$from can't be downloaded. A mirror has the files of a release in a folder with its version's name"
}

# install_release downloads the archive, and takes the program out of it only when
# the list of sums is signed and has the archive's.
install_release() {
	local archive sum
	archive=cardfleet_${version#v}_$(platform) || exit 1
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	fetch checksums.txt
	fetch checksums.txt.sig
	fetch "$archive.tar.gz"
	ssh-keygen -Y verify -f "$signers" -I cardfleet-release -n cardfleet-release -s "$dir/checksums.txt.sig" <"$dir/checksums.txt" >&2 ||
		die "checksums.txt of $version isn't signed by a key of $signers. Nothing was installed"
	sum=$(awk -v file="$archive.tar.gz" '$2 == file { print $1 }' "$dir/checksums.txt")
	if [ -z "$sum" ] || [ "$(openssl dgst -sha256 -r "$dir/$archive.tar.gz" | cut -d' ' -f1)" != "$sum" ]; then
		die "$archive.tar.gz isn't the one whose sum was signed. Nothing was installed"
	fi
	mkdir -p "$bin"
	tar -xzf "$dir/$archive.tar.gz" -C "$bin" --strip-components=1 "$archive/cardfleet"
}

for tool in curl git jq; do
	need "$tool" "$tool"
done
if is_release && [ -e "$signers" ]; then
	need ssh-keygen openssh-client
	need openssl openssl
	install_release
elif [ -n "${CARDFLEET_SIGNERS:-}" ] && is_release; then
	die "CARDFLEET_SIGNERS is $signers, and there is no such file"
else
	GOTOOLCHAIN=auto GOBIN=$bin go install "github.com/cardfleet/cardfleet@$version"
fi
if [ -n "${GITHUB_PATH:-}" ]; then
	echo "$bin" >>"$GITHUB_PATH" # GitLab has it in PATH already
fi
