#!/bin/sh
# Before and after the files of the package are there: group, user and directories.
set -e

case "$2" in
PRE-INSTALL)
	pw groupshow albatross >/dev/null 2>&1 || pw groupadd albatross
	pw usershow albatross >/dev/null 2>&1 ||
		pw useradd albatross -g albatross -d /nonexistent -s /usr/sbin/nologin -c "Albatross daemons"
	;;
POST-INSTALL)
	# Owned by root: albatrossd trusts what is in there, and runs the tenders found there.
	install -d -o root -g albatross -m 0750 /var/db/albatross
	install -d -o root -g wheel -m 0700 /var/db/albatross/block
	install -d -o albatross -g albatross -m 0750 /var/db/albatross/log /var/db/albatross/crls /var/db/albatross/console
	install -d -o root -g albatross -m 0750 /usr/local/etc/albatross
	;;
esac
