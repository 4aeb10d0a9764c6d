"""Installs exactly what a lock file says into the environment whose Python runs this.

Argument: the lock file, in the current folder: pylock.toml, uv.lock, poetry.lock, pdm.lock or Pipfile.lock. Conditions
are judged here, on the machine that the environment is for. Beside what the project needs itself, its groups and
extras for development and tests are installed, as its own package manager would for a developer.
"""

import json
import os
import subprocess
import sys

from pip._vendor.packaging.markers import Marker, default_environment
from pip._vendor.packaging.utils import canonicalize_name as canonical

# Groups and extras that a developer who runs the tests has.
WANTED = {"dev", "develop", "development", "test", "tests", "testing"}


def toml(path):
    try:
        import tomllib
    except ImportError:
        from pip._vendor import tomli as tomllib
    with open(path, "rb") as file:
        return tomllib.load(file)


def holds(marker, extras=()):
    """Whether a condition holds here, for any of the extras that were asked for."""
    if not marker:
        return True
    environment = dict(default_environment(), extras=WANTED, dependency_groups=WANTED)
    return any(Marker(marker).evaluate(dict(environment, extra=extra)) for extra in ("", *extras))


def git(url, commit):
    return "git+%s@%s" % (url[len("git+") :] if url.startswith("git+") else url, commit)


def pylock(data):
    for package in data["packages"]:
        if holds(package.get("marker")):
            vcs, archive, directory = (package.get(key) for key in ("vcs", "archive", "directory"))
            if directory:
                yield package["name"], None, directory.get("path")
            elif vcs:
                yield package["name"], None, git(vcs["url"], vcs["commit-id"])
            elif archive:
                yield package["name"], None, archive.get("url") or archive["path"]
            else:
                yield package["name"], package["version"], None


def uv(data):
    """What is reached from the project itself by edges whose conditions hold."""
    by_name = {}
    for package in data.get("package", []):
        by_name.setdefault(package["name"], []).append(package)
    roots = [p for p in data.get("package", []) if {".", ""} & set(map(str, p.get("source", {}).values()))]
    todo, done = [(root, frozenset(WANTED & set(root.get("optional-dependencies", {})))) for root in roots], set()
    found = {}
    while todo:
        package, extras = todo.pop()
        key = (package["name"], package.get("version"), extras)
        if key in done:
            continue
        done.add(key)
        edges = list(package.get("dependencies", []))
        for extra in extras:
            edges += package.get("optional-dependencies", {}).get(extra, [])
        if package in roots:
            for group, members in package.get("dev-dependencies", {}).items():
                edges += members if group in WANTED else []
        else:
            found[key[:2]] = package
        for edge in edges:
            if holds(edge.get("marker"), extras):
                for target in by_name.get(edge["name"], []):
                    if edge.get("version") in (None, target.get("version")):
                        todo.append((target, frozenset(edge.get("extra", []))))
    for package in found.values():
        source = package["source"]
        place = source.get("editable") or source.get("directory") or source.get("path") or source.get("url")
        if "git" in source:
            url, _, commit = source["git"].partition("#")
            place = git(url.partition("?")[0], commit)
        yield package["name"], package.get("version"), place


def poetry(data):
    """Poetry 2 says of each package to which groups it belongs, and when; before, only which the extras name."""
    packages = data.get("package", [])
    extras = WANTED & set(data.get("extras", {}))
    of_extras = reached(packages, [name for extra in extras for name in data["extras"][extra]])
    for package in packages:
        groups = [group for group in package.get("groups", ["main"]) if group in WANTED | {"main"}]
        markers = package.get("markers", "")
        # Where groups have several conditions there is one for each.
        markers = [markers.get(group, "") if isinstance(markers, dict) else markers for group in groups]
        if not any(holds(marker, extras) for marker in markers):
            continue
        if package.get("optional") and canonical(package["name"]) not in of_extras:
            continue
        source = package.get("source", {})
        place = source.get("url") if source.get("type") in ("directory", "file", "url") else None
        if source.get("type") == "git":
            place = git(source["url"], source["resolved_reference"])
        yield package["name"], package["version"], place


def reached(packages, names):
    """The names of these packages and of all that they need."""
    needs = {}
    for package in packages:
        needs.setdefault(canonical(package["name"]), set()).update(map(canonical, package.get("dependencies", {})))
    todo, found = [canonical(name) for name in names], set()
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += needs.get(name, ())
    return found


def pdm(data):
    for package in data.get("package", []):
        groups = set(package.get("groups", ["default"]))
        if groups & (WANTED | {"default"}) and holds(package.get("marker")):
            place = package.get("path") or package.get("url")
            if "git" in package:
                place = git(package["git"], package["revision"])
            if place not in (".", "./"):
                yield package["name"], package["version"], place


def pipfile(data):
    for section in ("default", "develop"):
        for name, package in data.get(section, {}).items():
            if holds(package.get("markers")):
                place = package.get("path") or package.get("file")
                if "git" in package:
                    place = git(package["git"], package["ref"])
                if place not in (".", "./"):
                    yield name, package.get("version", "").lstrip("="), place


READERS = {"pylock.toml": pylock, "uv.lock": uv, "poetry.lock": poetry, "pdm.lock": pdm, "Pipfile.lock": pipfile}


def requirements(path):
    """One requirement a package, as pip is to be told."""
    name = os.path.basename(path)
    if name == "Pipfile.lock":
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    else:
        data = toml(path)
    lines = {}
    for name, version, place in READERS[name](data):
        if place is None:
            lines[canonical(name)] = "%s==%s" % (name, version)
        elif "://" in place:
            lines[canonical(name)] = "%s @ %s" % (name, place)
        elif os.path.normpath(place) != ".":
            lines[canonical(name)] = place if os.path.isabs(place) else os.path.join(".", place)
    return [lines[name] for name in sorted(lines)]


def main():
    lines = requirements(sys.argv[1])
    print("muster: %d packages by %s" % (len(lines), sys.argv[1]), flush=True)
    if not lines:
        sys.exit("muster: %s names no package for this machine" % sys.argv[1])
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--no-deps"]
    sys.exit(subprocess.call(pip + lines))


if __name__ == "__main__":
    main()
