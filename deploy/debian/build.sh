#!/bin/sh
# Build a Debian package out of a wheel and the locked requirements.
#
#   deploy/debian/build.sh WHEEL OUTPUT_DIRECTORY
#
# The program gets an environment of its own in /usr/lib/uploadfilter, with exactly the
# packages that were tested, checked by their hashes; nothing of it is imported by other
# programs of the system. Runs as any user, for the Debian release that it runs on.
#
# PYTHON            the interpreter that the package will run with (/usr/bin/python3)
# PIP               a pip that installs into it (PYTHON -m pip)
# COMPRESSION       of dpkg-deb: xz (the default), gzip, none
set -eu

wheel=$(realpath "$1")
output=$(realpath "$2")
here=$(dirname "$(realpath "$0")")
repository=$(realpath "$here/../..")
python=${PYTHON:-/usr/bin/python3}
pip=${PIP:-$python -m pip}

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 0755 "$root"
home=/usr/lib/uploadfilter

install_program() {
    "$python" -m venv --without-pip "$root$home"
    for what in "--require-hashes --requirement $repository/requirements/run.txt" \
                "--no-deps $wheel"; do
        # shellcheck disable=SC2086 # words of our own
        $pip --disable-pip-version-check --python "$root$home/bin/python3" \
            install --quiet --no-compile $what
    done
    # The program and its interpreter; nothing else that packages bring along, and
    # nothing that names the place where the environment was made.
    find "$root$home" -mindepth 1 -maxdepth 1 \
        ! -name bin ! -name lib ! -name lib64 ! -name pyvenv.cfg -exec rm -r {} +
    find "$root$home/bin" -mindepth 1 \
        ! -name 'python*' ! -name uploadfilter -delete
    find "$root$home" -name direct_url.json -delete
    sed -i '/^command = /d' "$root$home/pyvenv.cfg"
    sed -i "1s|^#!$root|#!|" "$root$home/bin/uploadfilter"
    # By content, not by time: unpacking changes times, and nobody may write there.
    "$python" -m compileall -q -j 0 -s "$root" -p / --invalidation-mode unchecked-hash \
        "$root$home/lib"
    install -d "$root/usr/bin"
    ln -s ../lib/uploadfilter/bin/uploadfilter "$root/usr/bin/uploadfilter"
}

install_files() {
    units=$root/usr/lib/systemd/system
    install -D -m 0644 -t "$units" "$repository/deploy/systemd/uploadfilter@.service" \
        "$repository/deploy/systemd/uploadfilter.socket" \
        "$repository/deploy/systemd/uploadfilter.slice"
    install -D -m 0644 "$repository/deploy/systemd/uploadfilter.sysusers.conf" \
        "$root/usr/lib/sysusers.d/uploadfilter.conf"
    install -D -m 0644 "$repository/deploy/systemd/uploadfilter.tmpfiles.conf" \
        "$root/usr/lib/tmpfiles.d/uploadfilter.conf"
    install -D -m 0644 "$here/uploadfilter.toml" \
        "$root/etc/uploadfilter/uploadfilter.toml"
    install -D -m 0644 -t "$root/usr/share/doc/uploadfilter" \
        "$repository/docs/operating.md" "$repository/CHANGELOG.md"
    install -D -m 0644 "$repository/LICENSE" "$root/usr/share/doc/uploadfilter/copyright"
}

# The compiled packages are for one version of Python.
depends_python() {
    "$python" -c 'import sys; a, b = sys.version_info[:2]
print(f"python3 (>= {a}.{b}~), python3 (<< {a}.{b + 1})")'
}

write_control() {
    version=$("$root$home/bin/python3" -c \
        'from importlib.metadata import version; print(version("uploadfilter"))')
    install -d "$root/DEBIAN"
    cat >"$root/DEBIAN/control" <<CONTROL
Package: uploadfilter
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: The uploadfilter developers <uploadfilter@example.invalid>
Depends: $(depends_python), libseccomp2, libarchive13t64 | libarchive13, systemd
Installed-Size: $(du -sk "$root" | cut -f1)
Section: web
Priority: optional
Description: upload proxy that stops known pictures of abuse
 It stands in front of a hosting provider's upload endpoints, finds every picture
 in a request, looks its signals up in a reference set, and rejects the upload
 before anything becomes retrievable.
CONTROL
    echo /etc/uploadfilter/uploadfilter.toml >"$root/DEBIAN/conffiles"
    install -m 0755 -t "$root/DEBIAN" "$here/postinst" "$here/prerm" "$here/postrm"
}

umask 022
install_program
install_files
write_control
dpkg-deb --root-owner-group "-Z${COMPRESSION:-xz}" --build "$root" "$output"
