"""Brings into a copy of a tree what its editable install made in the original and git does not keep.

Arguments: the original tree. Where it cannot be seen from here, the project is installed, without its dependencies,
into `.muster-prefix` of the copy, if its configuration says that something is generated or compiled.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from urllib.parse import unquote, urlsplit

# Made by a build in the tree and imported from there.
COMPILED = re.compile(r"\.(so|pyd|dylib)$")
# What an editable install makes beside that: version files, type stubs.
GENERATED = re.compile(r"\.(py|pyi|so|pyd|dylib)$")
# Never part of what an editable install makes.
LEFT_OUT = {"__pycache__", "build", "dist", "node_modules", "venv", "env", "site-packages"}
GENERATES = re.compile(r"write_to|version_file|build-hook|hooks\.vcs|ext_modules|Extension\(|cython|meson|scikit-build|maturin", re.I)
# A copy of more is a mistake about what the tree is.
FILE_LIMIT = 20000


def is_editable(origin):
    """Whether this environment finds packages in the original tree."""
    below = (origin + os.sep, os.path.realpath(origin) + os.sep)
    for entry in sys.path:
        if (entry + os.sep).startswith(below) and not (entry + os.sep).startswith(sys.prefix + os.sep):
            return True
    from importlib import metadata

    for distribution in metadata.distributions():
        try:
            url = json.loads(distribution.read_text("direct_url.json") or "{}")
        except ValueError:
            continue
        path = unquote(urlsplit(url.get("url", "")).path)
        if url.get("dir_info", {}).get("editable") and (path + os.sep).startswith(below):
            return True
    return False


def copy(origin, tree, wanted):
    copied = []
    for folder, names, files in os.walk(origin):
        inside = os.path.relpath(folder, origin)
        names[:] = sorted(n for n in names if keep(folder, n))
        for name in list(names):
            if name.endswith(".egg-info"):
                names.remove(name)
                if wanted is COMPILED:
                    continue
                target = os.path.join(tree, inside, name)
                if not os.path.exists(target):
                    shutil.copytree(os.path.join(folder, name), target)
                    copied.append(os.path.normpath(os.path.join(inside, name)))
        for name in sorted(files):
            target = os.path.join(tree, inside, name)
            if wanted.search(name) and os.path.isdir(os.path.dirname(target)) and not os.path.lexists(target):
                shutil.copy2(os.path.join(folder, name), target)
                copied.append(os.path.normpath(os.path.join(inside, name)))
                if len(copied) > FILE_LIMIT:
                    sys.exit("muster: more than %d generated files in %s" % (FILE_LIMIT, origin))
    return copied


def keep(folder, name):
    if name.startswith(".") or name in LEFT_OUT:
        return False
    return not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))


def generates(tree):
    for name in ("pyproject.toml", "setup.py", "setup.cfg", "meson.build"):
        try:
            with open(os.path.join(tree, name), encoding="utf-8", errors="replace") as file:
                if GENERATES.search(file.read()):
                    return True
        except OSError:
            pass
    return False


def install(tree):
    prefix = os.path.join(tree, ".muster-prefix")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--ignore-installed", "--prefix", prefix, "-e", tree]
    print("muster: +", " ".join(command), flush=True)
    if subprocess.call(command + ["--no-build-isolation"]) != 0:
        print("muster: the environment cannot build it; trying with the build requirements fetched", flush=True)
        sys.exit(subprocess.call(command))


def main():
    origin, tree = sys.argv[1], os.getcwd()
    if os.path.realpath(origin) == os.path.realpath(tree):
        return
    editable = is_editable(origin)
    if os.path.isdir(origin):
        copied = copy(origin, tree, GENERATED if editable else COMPILED)
        print("muster: brought %d generated files from %s" % (len(copied), origin))
        for name in copied[:20]:
            print("muster:  ", name)
    elif editable and generates(tree):
        install(tree)


if __name__ == "__main__":
    main()
