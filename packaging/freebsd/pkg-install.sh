#!/bin/sh
# Before and after the files of the package are there: group, user and directories.
set -e

# Who owned the directory above once, as the original's package has it, may have left a link there: it leads to what is
# not ours to be given away.
directory() { # MODE OWNER GROUP PATH
	if [ -L "$4" ] && [ -n "$(find "$4" -prune ! -user root)" ]; then
		echo "albatross: $4 is a symbolic link that does not belong to root: put a directory in its place" >&2
		exit 1
	fi
	install -d -o "$2" -g "$3" -m "$1" "$4"
}

case "$2" in
PRE-INSTALL)
	pw groupshow albatross >/dev/null 2>&1 || pw groupadd albatross
	pw usershow albatross >/dev/null 2>&1 ||
		pw useradd albatross -g albatross -d /nonexistent -s /usr/sbin/nologin -c "Albatross daemons"
	;;
POST-INSTALL)
	# Owned by root: albatrossd trusts what is in there, and runs the tenders found there.
	directory 0750 root albatross /var/db/albatross
	directory 0700 root wheel /var/db/albatross/block
	for own in log crls console; do
		directory 0750 albatross albatross "/var/db/albatross/$own"
	done
	directory 0750 root albatross /usr/local/etc/albatross
	;;
esac
