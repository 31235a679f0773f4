#!/bin/bash
# Run a service of compose.yaml as its engine would; called by test_compose.py as root.
#
#   service.sh FOLDER UID GID [SOURCE:TARGET:OPTIONS]... -- COMMAND...
#
# It sees the real machine's files, read-only, with the sources at their targets.
set -eu
folder=$1 uid=$2 gid=$3
shift 3
mount --make-rprivate /
mount -t tmpfs -o mode=0755 tmpfs "$folder"
for where in usr/share usr/lib etc var; do
    at=$folder/${where//\//-}
    mkdir -p "$at-upper" "$at-work"
    mount -t overlay overlay "/$where" -o "lowerdir=/$where,upperdir=$at-upper,workdir=$at-work"
done
while [ "$1" != -- ]; do
    IFS=: read -r source target options <<<"$1"
    if [ -d "$source" ]; then
        mkdir -p "$target"
    else
        mkdir -p "${target%/*}"
        touch "$target"
    fi
    mount --bind "$source" "$target"
    [ "$options" != ro ] || mount -o remount,bind,ro "$target"
    shift
done
shift
for where in usr/share usr/lib etc var; do
    mount -o remount,bind,ro "/$where"
done
exec setpriv --reuid "$uid" --regid "$gid" --clear-groups --no-new-privs \
    --bounding-set=-all --inh-caps=-all -- "$@"
