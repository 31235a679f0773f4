#!/bin/sh
# Build a Debian package from a wheel and the locked requirements.
#
#   deploy/debian/build.sh WHEEL OUTPUT_DIRECTORY
#
# The program gets an environment of its own in /usr/lib/uploadfilter, with exactly the
# packages that were tested, checked by their hashes. Other programs of the system import
# none of these packages. Runs as any user, for the Debian release that it runs on.
#
# PYTHON            the interpreter that the package will run with (/usr/bin/python3)
# PIP               a pip that installs into it (PYTHON -m pip)
# COMPRESSION       of dpkg-deb: xz (the default), gzip, none
set -eu
# Everybody may run the program, whatever the umask of the person who builds it.
umask 022

wheel=$(realpath "$1")
output=$(realpath "$2")
here=$(dirname "$(realpath "$0")")
repository=$(realpath "$here/../..")
python=${PYTHON:-/usr/bin/python3}
pip=${PIP:-$python -m pip}

root=$(mktemp -d)
shared=$(mktemp -d)/share
trap 'rm -rf "$root" "${shared%/share}"' EXIT
chmod 0755 "$root"
home=/usr/lib/uploadfilter

# Packages that other packages require and the program does not use, see ADR 0025: imagehash
# loads scipy for its pHash only, which the program computes itself; cffi needs pycparser
# while it compiles.
unused='scipy|pycparser'

install_program() {
    "$python" -m venv --without-pip "$root$home"
    # The lock file names every package, including those that packages require.
    awk -v unused="^($unused)==" '/^[^ #]/ { skip = $0 ~ unused } !skip' \
        "$repository/requirements/run.txt" >"$root/requirements.txt"
    for what in "--require-hashes --requirement $root/requirements.txt" "$wheel"; do
        # shellcheck disable=SC2086 # words of our own
        $pip --disable-pip-version-check --python "$root$home/bin/python3" \
            install --quiet --no-compile --no-deps $what
    done
    rm "$root/requirements.txt"
    mv "$root$home/share" "$shared"
    # The program and its interpreter; no other scripts of the packages, and no file that
    # names the directory where the environment was made.
    find "$root$home" -mindepth 1 -maxdepth 1 \
        ! -name bin ! -name lib ! -name lib64 ! -name pyvenv.cfg -exec rm -r {} +
    find "$root$home/bin" -mindepth 1 \
        ! -name 'python*' ! -name uploadfilter -delete
    find "$root$home" -name direct_url.json -delete
    sed -i '/^command = /d' "$root$home/pyvenv.cfg"
    sed -i "1s|^#!$root|#!|" "$root$home/bin/uploadfilter"
    slim_packages
    # Checked by content, not by time: unpacking changes times, and nobody may write there.
    "$python" -m compileall -q -j 0 -s "$root" -p / --invalidation-mode unchecked-hash \
        "$root$home/lib"
    install -d "$root/usr/bin"
    ln -s ../lib/uploadfilter/bin/uploadfilter "$root/usr/bin/uploadfilter"
}

# Remove files that only developers of the packages need: tests, sources of compiled code,
# types for checkers, and symbols for debuggers; and modules that nothing here imports.
slim_packages() {
    packages=$(echo "$root$home"/lib/python3*/site-packages)
    find "$packages" -type d \( -name tests -o -name test_data \) -prune -exec rm -r {} +
    find "$packages" -type f \( -name '*.py[xid]' -o -name '*.pxd' -o -name '*.px[id]' \
        -o -name '*.[cha]' -o -name '*.cpp' -o -name '*.hpp' \) -delete
    # Modules that nothing here imports: numpy's own tests and its Fortran compiler, the web
    # commands of pypdfium2, zstandard's variant for PyPy, the
    # first version of pydantic, sample signals of pywt, fonts (no text is drawn), examples,
    # and all of cffi but the library that cryptography loads.
    rm -rf "$packages"/numpy/f2py "$packages"/numpy/_core/_simd.*.so \
        "$packages"/pypdfium2_cli \
        "$packages"/zstandard/_cffi.*.so "$packages"/zstandard/backend_cffi.py \
        "$packages"/pydantic/v1 "$packages"/pywt/data/*.npz "$packages"/PIL/_imagingft.*.so \
        "$packages"/pillow.libs/libfreetype-* "$packages"/pillow.libs/libharfbuzz-* \
        "$packages"/numpy/random/_examples "$packages"/cffi "$packages"/lmdb/cffi.py
    # Keep only the lexers that rich needs for tracebacks.
    find "$packages/pygments/lexers" -type f ! -name __init__.py ! -name _mapping.py \
        ! -name python.py ! -name special.py -delete
    # Names for linkers and debuggers: the loader has a table of its own.
    find "$packages" -type f -name '*.so*' | while read -r library; do
        ! readelf --section-headers --wide "$library" | grep -q ' \.symtab ' ||
            strip --strip-unneeded "$library"
    done
    find "$packages" -type d -empty -delete
}

install_files() {
    units=$root/usr/lib/systemd/system
    install -D -m 0644 -t "$units" "$repository/deploy/systemd/uploadfilter@.service" \
        "$repository/deploy/systemd/uploadfilter.socket" \
        "$repository/deploy/systemd/uploadfilter.slice" \
        "$repository/deploy/systemd/uploadfilter-forms.service" \
        "$repository/deploy/systemd/uploadfilter-sync.service" \
        "$repository/deploy/systemd/uploadfilter-sync.timer"
    install -D -m 0644 "$repository/deploy/systemd/uploadfilter.sysusers.conf" \
        "$root/usr/lib/sysusers.d/uploadfilter.conf"
    install -D -m 0644 "$repository/deploy/systemd/uploadfilter.tmpfiles.conf" \
        "$root/usr/lib/tmpfiles.d/uploadfilter.conf"
    # Not below /etc: of a changed file there that an operator has edited, dpkg asks, and
    # an upgrade without a terminal ends. postinst copies it once.
    install -D -m 0644 -t "$root/usr/share/uploadfilter" "$here/uploadfilter.toml"
}

# The pages have the same relative paths as in the repository, so that their links work.
install_documents() {
    documents=$root/usr/share/doc/uploadfilter
    install -d "$documents"
    cd "$repository"
    for what in ./*.md LICENSE docs hashsets/FORMAT.md hashsets/knowngood/packages.tsv \
                uploadfilter/web/answering/pages \
                deploy/caddy deploy/container deploy/grafana deploy/haproxy \
                deploy/kubernetes deploy/log-shipping deploy/nginx deploy/prometheus \
                deploy/systemd; do
        cp --recursive --parents "$what" "$documents"
    done
    cd "$OLDPWD"
    rm "$documents/AGENTS.md"
    find "$documents" -type d -name __pycache__ -exec rm -r {} +
    find "$documents" -type f -exec chmod 0644 {} +
    ln -s deploy "$documents/examples"
    ln -s LICENSE "$documents/copyright"
}

# The wheel has written both for its own environment; Debian looks elsewhere for zsh.
install_manuals() {
    install -d "$root/usr/share/zsh"
    cd "$shared"
    mv man bash-completion fish "$root/usr/share"
    mv zsh/site-functions "$root/usr/share/zsh/vendor-completions"
    cd "$OLDPWD"
    gzip --best --no-name "$root"/usr/share/man/*/*
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
Depends: $(depends_python), libarchive13t64 | libarchive13, libc6 (>= 2.28),
 libseccomp2, libstdc++6, systemd, zlib1g
Suggests: bash-completion
Installed-Size: $(du -sk "$root" | cut -f1)
Section: web
Priority: optional
Description: upload proxy that stops known pictures of abuse
 It stands in front of a hosting provider's upload endpoints, finds every picture
 in a request, looks its signals up in a reference set, and rejects the upload
 before anything becomes retrievable.
CONTROL
    install -m 0755 -t "$root/DEBIAN" "$here/postinst" "$here/prerm" "$here/postrm"
}

for tool in readelf strip; do
    command -v "$tool" >/dev/null || {
        echo "build.sh: $tool is needed: apt install binutils" >&2; exit 1; }
done
install_program
install_files
install_documents
install_manuals
write_control
dpkg-deb --root-owner-group "-Z${COMPRESSION:-xz}" --build "$root" "$output"
