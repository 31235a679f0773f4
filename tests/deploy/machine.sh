#!/bin/bash
# Become a small machine with a systemd of its own; called by machine.py as root.
#
#   machine.sh FOLDER CGROUP
#
# What it changes of /usr, /etc and /var goes into a file system in memory on FOLDER; of the
# real machine it sees the files and the network, and no process.
set -eu
folder=$1 cgroup=$2

mount --make-rprivate /
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir "/sys/fs/cgroup/$cgroup"
echo $$ >"/sys/fs/cgroup/$cgroup/cgroup.procs"

mount -t tmpfs tmpfs "$folder"
for where in usr etc var; do
    mkdir -p "$folder/$where" "$folder/work-$where"
    mount -t overlay overlay "/$where" \
        -o "lowerdir=/$where,upperdir=$folder/$where,workdir=$folder/work-$where"
done
# None of the real machine's units and generators; stubs take the place of what ours
# depend on.
units=/usr/lib/systemd/system
for hidden in "$units" /usr/lib/systemd/system-generators /etc/systemd /etc/init.d; do
    mount -t tmpfs tmpfs "$hidden"
done
for target in sysinit basic shutdown sockets paths timers slices local-fs network \
              network-online multi-user; do
    printf '[Unit]\nDefaultDependencies=no\n' >"$units/$target.target"
done
mount -t tmpfs tmpfs /run

exec unshare --pid --fork --kill-child --cgroup --mount --uts --ipc bash -c '
    mount --make-rprivate /
    mount -t proc proc /proc
    mount --bind /proc/sys /proc/sys
    mount -o remount,bind,ro /proc/sys
    umount /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    exec env -i container=unshare PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /usr/lib/systemd/systemd --system --unit=basic.target --log-target=null'
