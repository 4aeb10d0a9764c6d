"""Makes an environment inside a tree usable wherever the tree is put, in the environment's own Python.

The tree is snapshotted and put elsewhere on other machines, where the folder that an environment was made in does not
exist. Scripts get a first line that finds the Python beside them, and editable installs of the tree find it by the
environment's own place, in child processes too.
"""

import os
import sys

PREFIX = os.path.abspath(sys.prefix)
TREE = os.path.dirname(PREFIX)
# A shell runs the first two lines and ends; to Python they are a text and nothing.
SCRIPT = """#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/%s" "$0" "$@"
' '''
"""
# What stands for the tree in a Python file.
HERE = "__import__('os').path.dirname(__import__('sys').prefix) + "


def scripts(folder):
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if os.path.islink(path) or not os.path.isfile(path):
            continue
        with open(path, "rb") as file:
            first, rest = file.readline(), file.read()
        start = b"#!" + os.fsencode(folder) + b"/"
        if first.startswith(start):
            python = os.fsdecode(first[len(start) :].strip())
        elif first == b"#!/bin/sh\n" and rest.startswith(b"'''exec' \"" + os.fsencode(folder)):
            # How pip writes it where the folder's name is long.
            line, _, rest = rest.partition(b"\n")
            rest = rest.partition(b"\n")[2]
            python = os.path.basename(os.fsdecode(line).split('"')[1])
        else:
            continue
        with open(path, "wb") as file:
            file.write(SCRIPT.encode() % os.fsencode(python) + rest)


def packages(folder):
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name.endswith(".pth"):
            rewrite(path, lambda line: relative(line, folder))
        elif name.startswith("__editable__") and name.endswith(".py"):
            rewrite(path, in_python)


def relative(line, folder):
    """A path in a .pth file is taken from the folder of that file."""
    entry = line.strip()
    if entry == TREE or entry.startswith(TREE + os.sep):
        return os.path.relpath(entry, folder) + "\n"
    return line


def in_python(line):
    for quote in "'\"":
        line = line.replace(quote + TREE + os.sep, HERE + quote + os.sep)
        line = line.replace(quote + TREE + quote, HERE + quote * 2)
    return line


def rewrite(path, change):
    with open(path, encoding="utf-8") as file:
        lines = file.readlines()
    changed = [change(line) for line in lines]
    if changed != lines:
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(changed)


def main():
    scripts(os.path.join(PREFIX, "bin"))
    packages(os.path.join(PREFIX, "lib", "python%d.%d" % sys.version_info[:2], "site-packages"))


if __name__ == "__main__":
    main()
