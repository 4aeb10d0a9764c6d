"""Runs pytest the way `python -m pytest` does, and tells Muster what happens.

Written into the directory of each attempt, with `muster_pytest.json` beside it. Python 3.8 and pytest 6 or later.
Facts go to standard output as lines of their own: U+001E, `MUSTER `, JSON. Everything else is pytest's own output.
"""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# Long reports are cut so that one fact stays below the line limit of the parser, however its characters are escaped.
MESSAGE_LIMIT = 64 * 1024
# One fact for so many listed tests.
BATCH = 200
# Where the copy of standard output is kept: tests that close "all" files close the low ones.
FIRST_FD = 100


class Channel:
    """Standard output as it was before pytest captures it."""

    def __init__(self):
        try:
            import fcntl

            self.fd = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, FIRST_FD)
        except (ImportError, OSError):
            self.fd = os.dup(1)
        self.pid = os.getpid()
        self.held = b""

    def tell(self, kind, **fact):
        self.hold(kind, **fact)
        self.release()

    def hold(self, kind, **fact):
        """Tells it together with the next fact: two writes a test would cost short tests more than they take."""
        # A forked child of a test is not the test.
        if os.getpid() != self.pid:
            return
        fact["event"] = kind
        self.held += b"\x1eMUSTER " + json.dumps(fact, separators=(",", ":")).encode("ascii") + b"\n"

    def release(self):
        if os.getpid() != self.pid:
            return
        data, self.held = self.held, b""
        while data:
            data = data[os.write(self.fd, data) :]


def cut(text):
    text = str(text)
    if len(text) <= MESSAGE_LIMIT:
        return text
    half = MESSAGE_LIMIT // 2
    return "%s\n[... %d characters left out ...]\n%s" % (text[:half], len(text) - 2 * half, text[-half:])


class Redirect:
    """Makes what an editable install finds in one tree be found in another."""

    def __init__(self, pairs):
        self.pairs = []
        for old, new in pairs:
            for spelled in (old, os.path.realpath(old)):
                if spelled != new and (spelled, new) not in self.pairs:
                    self.pairs.append((spelled, new))
        self.moved = []

    def path(self, path):
        if not isinstance(path, str):
            return path
        # The environment itself may stand inside the tree.
        for prefix in (sys.prefix, os.path.realpath(sys.prefix)):
            if path == prefix or path.startswith(prefix + os.sep):
                return path
        for old, new in self.pairs:
            # The copy may itself stand below the original.
            if path == new or path.startswith(new + os.sep):
                return path
            if path == old or path.startswith(old + os.sep):
                return new + path[len(old) :]
        return path

    def container(self, value, depth=0):
        """Rewrites paths in dicts and lists, in place; tuples and strings by their answer."""
        if isinstance(value, str):
            return self.path(value)
        if depth > 3:
            return value
        if isinstance(value, dict):
            for key, inner in list(value.items()):
                value[key] = self.container(inner, depth + 1)
        elif isinstance(value, list):
            value[:] = [self.container(inner, depth + 1) for inner in value]
        elif type(value) is tuple:
            return tuple(self.container(inner, depth + 1) for inner in value)
        return value

    def apply(self):
        if not self.pairs:
            return
        for index, entry in enumerate(sys.path):
            moved = self.path(entry)
            if moved != entry:
                sys.path[index] = moved
                self.moved.append(moved)
        for name, module in list(sys.modules.items()):
            if name.startswith("__editable__") and hasattr(module, "MAPPING"):
                self.mapping(module.MAPPING)
                self.container(module.__dict__.get("NAMESPACES", {}))
        for finder in sys.meta_path:
            for holder in (finder, type(finder)):
                home = getattr(holder, "__module__", "") or ""
                if "editable" not in home:
                    continue
                for key, value in list(vars(holder).items()) if hasattr(holder, "__dict__") else ():
                    if isinstance(value, (dict, list)):
                        self.container(value)
                    elif isinstance(value, (str, tuple)) and not key.startswith("__"):
                        moved = self.container(value)
                        if moved != value:
                            setattr(holder, key, moved)
        sys.path_importer_cache.clear()
        self.children()

    def mapping(self, mapping):
        for name, path in list(mapping.items()):
            moved = self.path(path)
            if moved == path:
                continue
            mapping[name] = moved
            # A child process finds the package by its parent folder, ahead of the finder.
            if os.path.splitext(os.path.basename(moved))[0] == name.rpartition(".")[2]:
                folder = os.path.dirname(moved)
                for _ in range(name.count(".")):
                    folder = os.path.dirname(folder)
                self.moved.append(folder)

    def children(self):
        inherited = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
        entries = []
        for entry in self.moved + [self.path(entry) for entry in inherited]:
            if entry not in entries:
                entries.append(entry)
        if entries:
            os.environ["PYTHONPATH"] = os.pathsep.join(entries)


def plain_names(name):
    """How JUnit XML calls a node id, in the simple cases; the parser's side does the same."""
    path, bracket, params = name.partition("[")
    names = path.split("::")
    names[0] = names[0].replace("/", ".")
    if names[0].endswith(".py"):
        names[0] = names[0][:-3]
    names[-1] += bracket + params
    return ".".join(names[:-1]), names[-1]


def junit_names(config, nodeid):
    """How pytest's own JUnit XML calls it."""
    from _pytest import junitxml

    names = junitxml.mangle_test_address(nodeid)
    prefix = getattr(config.option, "junitprefix", None)
    suite = ([prefix] if prefix else []) + names[:-1]
    return ".".join(suite), str(junitxml.bin_xml_escape(names[-1]))


class Common:
    """What listing and running share."""

    def __init__(self, channel, request):
        import pytest

        self.pytest = pytest
        self.channel = channel
        self.request = request
        self.tree = os.getcwd()

    def adjust(self, config):
        """Takes the machine-wide out of the project's own options: Muster spreads, stops and measures."""
        option = config.option
        if hasattr(option, "numprocesses"):
            option.numprocesses = 0
        if hasattr(option, "dist"):
            option.dist = "no"
            option.tx = []
        if getattr(option, "maxfail", 0):
            option.maxfail = 0
        cov = config.pluginmanager.getplugin("_cov")
        if cov is not None and hasattr(cov, "options"):
            cov.options.cov_fail_under = None

    def names(self, items):
        """Each item with its name: the node id, numbered where one occurs again."""
        seen = {}
        for item in items:
            count = seen[item.nodeid] = seen.get(item.nodeid, 0) + 1
            yield item, item.nodeid if count == 1 else "%s#%d" % (item.nodeid, count)


def hooks(channel, request):
    import pytest

    class Listing(Common):
        @pytest.hookimpl(hookwrapper=True)
        def pytest_cmdline_main(self, config):
            self.adjust(config)
            config.option.collectonly = True
            # One line a file.
            config.option.verbose = min(config.option.verbose, -2)
            self.config = config
            yield

        def pytest_collectreport(self, report):
            if report.skipped and report.nodeid:
                reason = report.longrepr
                reason = str(reason[2] if isinstance(reason, tuple) else reason)
                if reason.startswith("Skipped: "):
                    reason = reason[len("Skipped: ") :]
                suite, case = junit_names(self.config, report.nodeid)
                self.channel.tell("skipped", name=report.nodeid, suite=suite, case=case, reason=cut(reason))

        @pytest.hookimpl(trylast=True)
        def pytest_collection_finish(self, session):
            batch, module = [], None
            for item, name in self.names(session.items):
                home = self.module(item)
                if batch and (home != module or len(batch) >= BATCH):
                    self.channel.tell("listed", module=module, tests=batch)
                    batch = []
                module = home
                batch.append(self.entry(session.config, item, name))
            if batch:
                self.channel.tell("listed", module=module, tests=batch)

        def module(self, item):
            path = str(getattr(item, "path", None) or item.fspath)
            inside = os.path.relpath(path, self.tree)
            return path if inside.startswith("..") else inside.replace(os.sep, "/")

        def entry(self, config, item, name):
            entry = {"name": name}
            suite, case = junit_names(config, item.nodeid)
            if (suite, case) != plain_names(name):
                entry["suite"], entry["case"] = suite, case
            group = item.get_closest_marker("xdist_group")
            if group is not None:
                entry["unit"] = "xdist_group " + str(group.kwargs.get("name", group.args[0] if group.args else ""))
            elif item.get_closest_marker("incremental") or item.get_closest_marker("dependency"):
                entry["unit"] = item.nodeid.rpartition("::")[0]
            limit = item.get_closest_marker("timeout")
            if limit is not None and config.pluginmanager.hasplugin("timeout"):
                seconds = limit.kwargs.get("timeout", limit.args[0] if limit.args else None)
                if isinstance(seconds, (int, float)) and seconds > 0:
                    entry["timeout"] = seconds
            return entry

    class Running(Common):
        def __init__(self, channel, request):
            super().__init__(channel, request)
            self.wanted = {name: index for index, name in enumerate(request["tests"])}
            self.homes = homes(os.path.join(self.tree, module) for module in request["modules"])
            self.names_of = {}
            self.open = None
            self.terminal = None

        @pytest.hookimpl(hookwrapper=True)
        def pytest_cmdline_main(self, config):
            self.adjust(config)
            yield

        @pytest.hookimpl(hookwrapper=True)
        def pytest_collection(self, session):
            self.terminal = session.config.pluginmanager.getplugin("terminalreporter")
            yield

        def ignore(self, path):
            """Leaves out files without a wanted test. They are not named as arguments instead: a file that is named is
            collected in other ways than one that is found, and root folder, configuration and conftest files are to be
            those of the project's own run."""
            path = os.path.realpath(str(path))
            if path in self.homes or os.path.basename(path) == "__init__.py":
                return None
            return True

        @pytest.hookimpl(hookwrapper=True, tryfirst=True)
        def pytest_collection_modifyitems(self, items):
            yield
            found = []
            for item, name in self.names(items):
                if name in self.wanted:
                    found.append((self.wanted[name], item, name))
            found.sort(key=lambda entry: entry[0])
            items[:] = [item for _, item, _ in found]
            # Several items of one node id begin in this order.
            for _, item, name in found:
                self.names_of.setdefault(item.nodeid, []).append(name)
            missing = set(self.wanted) - {name for _, _, name in found}
            if missing:
                self.channel.tell("missing", names=sorted(missing, key=self.wanted.get))

        def pytest_runtest_logstart(self, nodeid):
            self.close()
            names = self.names_of.get(nodeid)
            name = names.pop(0) if names else nodeid
            self.open = {"name": name, "nodeid": nodeid, "passed": False, "skipped": None, "failed": []}
            self.open["duration"] = 0.0
            self.flush()
            self.channel.tell("started", name=name)

        def pytest_runtest_logreport(self, report):
            state = self.open
            if state is None or state["nodeid"] != report.nodeid:
                return
            if report.outcome == "rerun":
                state.update(passed=False, skipped=None, failed=[])
                return
            state["duration"] += getattr(report, "duration", 0.0)
            if report.passed:
                state["passed"] = state["passed"] or report.when == "call"
            elif report.failed:
                if hasattr(report, "wasxfail"):
                    state["skipped"] = "xfail-marked test passes unexpectedly"
                else:
                    state["failed"].append(failure(report))
            elif report.skipped:
                state["skipped"] = skip_reason(report)

        def pytest_runtest_logfinish(self, nodeid):
            self.close()

        @pytest.hookimpl(trylast=True)
        def pytest_sessionfinish(self):
            self.close()
            self.flush()
            self.channel.release()

        def close(self):
            state, self.open = self.open, None
            if state is None:
                return
            if state["failed"]:
                status, message = "failed", "\n".join(state["failed"])
            elif state["skipped"] is not None:
                status, message = "skipped", state["skipped"]
            elif state["passed"]:
                status, message = "passed", ""
            else:
                return
            self.channel.hold(
                "finished", name=state["name"], status=status, duration=state["duration"], message=cut(message)
            )

        def flush(self):
            """What pytest has printed so far comes before what is told next."""
            writer = getattr(self.terminal, "_tw", None)
            if writer is not None and hasattr(writer, "flush"):
                writer.flush()

    if request["mode"] == "list":
        return Listing(channel, request)
    running = Running(channel, request)
    # The name of the argument changed in pytest 7, and a hook may only take what its version offers.
    if int(pytest.__version__.partition(".")[0]) >= 7:
        running.pytest_ignore_collect = lambda collection_path: running.ignore(collection_path)
    else:
        running.pytest_ignore_collect = lambda path: running.ignore(path)
    return running


def homes(files):
    """The files, and every folder above one of them."""
    found = set()
    for file in files:
        path = os.path.realpath(file)
        while path not in found:
            found.add(path)
            path = os.path.dirname(path)
    return found


def failure(report):
    text = getattr(report, "longreprtext", None) or str(report.longrepr)
    if report.when != "call":
        text = "error at %s of the test\n%s" % (report.when, text)
    for title, content in report.sections:
        text += "\n%s\n%s" % (title.center(80, "-"), content)
    return cut(text)


def skip_reason(report):
    if hasattr(report, "wasxfail"):
        reason = str(report.wasxfail)
        return reason[len("reason: ") :] if reason.startswith("reason: ") else reason
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    reason = str(reason)
    return reason[len("Skipped: ") :] if reason.startswith("Skipped: ") else reason


def main():
    with open(os.path.join(HERE, "muster_pytest.json"), encoding="utf-8") as file:
        request = json.load(file)
    channel = Channel()
    # As under `python -m`: the current folder instead of this file's.
    if sys.path and os.path.abspath(sys.path[0] or ".") == HERE:
        sys.path[0] = os.getcwd()
    for folder in request["sites"]:
        add_site(os.path.join(os.getcwd(), folder))
    Redirect(request["redirect"]).apply()
    try:
        import pytest
    except ImportError as error:
        sys.stderr.write("muster: %s has no pytest: %s\n" % (sys.executable, error))
        return 4
    sys.argv = [os.path.join(os.path.dirname(pytest.__file__), "__main__.py")] + request["args"]
    channel.tell("begun", python=sys.version.split()[0], pytest=pytest.__version__, executable=sys.executable)
    code = int(pytest.main(request["args"], plugins=[hooks(channel, request)]))
    channel.tell("ended", exit=code)
    return code


def add_site(prefix):
    """A prefix that the tree was installed into comes before the environment."""
    import site

    folder = os.path.join(prefix, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")
    if not os.path.isdir(folder):
        return
    before = len(sys.path)
    site.addsitedir(folder)
    added = sys.path[before:]
    del sys.path[before:]
    sys.path[1:1] = added
    inherited = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    os.environ["PYTHONPATH"] = os.pathsep.join(added + inherited)


if __name__ == "__main__":
    code = main()
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        pass
    sys.exit(code)
