# Runs a command with a bootstrap toolchain: the one that GOROOT_BOOTSTRAP names, else the one of the settings, else
# one that is fetched, else that of the `go` in the path. It says which it is whenever it is not the first.
#
# usage: toolchain.sh SETTINGS_DIR URL FETCH_DIR COMMAND [ARG...]
set -eu

own=$1 url=$2 fetch_dir=$3
shift 3

say() { printf 'muster: %s\n' "$*"; }

usable() { [ -n "$1" ] && [ -x "$1/bin/go" ]; }

download() {
    if command -v curl >/dev/null 2>&1; then
        curl -fsSL -o "$2" "$1"
    elif command -v wget >/dev/null 2>&1; then
        wget -q -O "$2" "$1"
    elif command -v ftp >/dev/null 2>&1; then
        ftp -o "$2" "$1"
    else
        say "nothing here can fetch $1: install curl or wget, or set \`bootstrap\` to a toolchain on the machine"
        exit 1
    fi
}

# An archive holds the toolchain itself, or the folder `go` with it, as those of go.dev do.
fetched() {
    if usable "$fetch_dir"; then
        chosen=$fetch_dir
    elif usable "$fetch_dir/go"; then
        chosen=$fetch_dir/go
    else
        return 1
    fi
}

named=${GOROOT_BOOTSTRAP-}
if usable "$named"; then
    chosen=$named
else
    if [ -n "$named" ]; then
        why="there is no toolchain at $named"
    else
        why="no toolchain is named"
    fi
    if usable "$own"; then
        chosen=$own
        say "$why: using $chosen of the settings"
    elif [ -n "$url" ]; then
        if ! fetched; then
            rm -rf "$fetch_dir"
            mkdir -p "$fetch_dir"
            download "$url" "$fetch_dir/archive"
            (cd "$fetch_dir" && gzip -dc archive | tar -xf - && rm archive)
            fetched || { say "the archive $url holds no toolchain: bin/go is not in it"; exit 1; }
        fi
        say "$why: using $chosen, from $url"
    elif go=$(command -v go); then
        chosen=$(GOROOT= GOOS= GOARCH= "$go" env GOROOT)
        usable "$chosen" || { say "$why, and $go has none at its GOROOT $chosen"; exit 1; }
        say "$why: using $chosen, of the $go in the path"
    else
        say "$why, and no \`go\` is in the path: set \`bootstrap\` or \`bootstrap-url\` in the [go-dist] section"
        exit 1
    fi
fi

GOROOT_BOOTSTRAP=$chosen
export GOROOT_BOOTSTRAP
exec "$@"
