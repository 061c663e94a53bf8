"""The layer rules of docs/architecture.md, read off the #include lines.

A folder with a tidegate_library has a level; its files may include its own and those of lower levels.
reconciler/ and agent/ never meet, and each third-party library stays behind the folders that own it.
"""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(os.environ["TIDEGATE_SOURCE"])

# Third-party header -> folders that may include it; in public headers none may, but for OPEN.
OWNERS = {
    "yaml-cpp/": ("schema/config", "agent/daemon", "reconciler/daemon"),
    "google/protobuf/": ("schema/wire",),
    "git2": ("reconciler/git",),
    "sqlite3.h": ("reconciler/store",),
    "httplib.h": ("reconciler/status", "cli", "examples/demo-service"),
    "prometheus/": ("reconciler/metrics",),
    "ngtcp2/": ("transport",),
    "nghttp3/": ("transport",),
    "gnutls/": ("transport", "agent/session"),
    "date/": ("reconciler/timezone",),
    "curl/": ("agent/tasks",),
    "CLI/": ("cli", "agent/daemon", "reconciler/daemon", "examples/demo-service"),
}
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.M)
PRODUCT = ("schema", "policies", "reconciler", "agent", "transport", "cli", "examples")


def libraries(root):
    """folder -> (name, level, public headers)"""
    found = {}
    for file in root.rglob("CMakeLists.txt"):
        text = re.sub(r"#.*", "", file.read_text())
        for name, level, rest in re.findall(r"tidegate_library\(\s*NAME (\w+) LEVEL (\d)(.*?)\)", text, re.S):
            headers = re.search(r"HEADERS(.*?)(?:SOURCES|PUBLIC|PRIVATE|$)", rest, re.S)
            found[file.parent.relative_to(root).as_posix()] = (
                name, int(level), set(headers.group(1).split()) if headers else set())
    return found


def folder_of(path, known):
    """The library folder that a path lies in, or None."""
    while path:
        path = path.rpartition("/")[0]
        if path in known:
            return path
    return None


def may_include(owner, other, known):
    if owner == other:
        return True
    level, below = known[owner][1], known[other][1]
    if {owner.split("/")[0], other.split("/")[0]} == {"reconciler", "agent"}:
        return False
    return below < level or other == "schema/base"


def violations(root):
    known = libraries(root)
    for top in PRODUCT:
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in (".h", ".cpp"):
                continue
            path = file.relative_to(root).as_posix()
            owner = folder_of(path, known)
            for own, third in INCLUDE.findall(file.read_text()):
                other = folder_of(own, known)
                if owner and other and not may_include(owner, other, known):
                    yield f"{path}: {owner} (level {known[owner][1]}) may not include {own}"
                for prefix, folders in OWNERS.items():
                    if not (third or own).startswith(prefix):
                        continue
                    if not path.startswith(tuple(f + "/" for f in folders)):
                        yield f"{path}: <{third or own}> belongs to {', '.join(folders)}"
                    elif owner and path[len(owner) + 1:] in known[owner][2]:
                        yield f"{path}: <{third or own}> in a public header"


# GCC loses (and so leaks) the values of a braced list that were made before a TRY in it returns.
LOST = re.compile(r"(?:[\w(,=>]|\breturn)\s*(?<!else )\{[^;{}]*,[^;{}]*TRY\(")


def values_lost(root):
    for top in PRODUCT:
        for file in sorted((root / top).rglob("*.cpp")):
            text = file.read_text()
            for match in LOST.finditer(text):
                yield f"{file.relative_to(root)}:{text.count(chr(10), 0, match.end()) + 1}"


class LayersTest(unittest.TestCase):
    def test_the_tree_keeps_the_rules(self):
        self.assertGreater(len(libraries(ROOT)), 15)
        self.assertEqual(list(violations(ROOT)), [])

    def test_each_rule_can_fail(self):
        tree = {
            "schema/base/CMakeLists.txt": "tidegate_library(NAME base LEVEL 0 HEADERS a.h SOURCES a.cpp)",
            "reconciler/git/CMakeLists.txt": "tidegate_library(NAME git LEVEL 5\n    HEADERS g.h SOURCES g.cpp)",
            "agent/session/CMakeLists.txt": "tidegate_library(NAME session LEVEL 6 HEADERS s.h SOURCES s.cpp)",
            "schema/base/a.cpp": '#include "reconciler/git/g.h"\n',
            "reconciler/git/g.h": "#include <git2.h>\n",
            "reconciler/git/g.cpp": '#include "schema/base/a.h"\n#include <git2.h>\n',
            "agent/session/s.cpp": '#include "reconciler/git/g.h"\n#include <sqlite3.h>\n',
        }
        with tempfile.TemporaryDirectory() as temp:
            root = pathlib.Path(temp)
            for path, text in tree.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            found = [line.split(":")[0] for line in violations(root)]
        self.assertEqual(sorted(found), ["agent/session/s.cpp", "agent/session/s.cpp",
                                         "reconciler/git/g.h", "schema/base/a.cpp"])

    def test_no_value_is_lost_by_an_early_return(self):
        self.assertEqual(list(values_lost(ROOT)), [], "make the value of TRY before the list")

    def test_a_lost_value_is_found(self):
        with tempfile.TemporaryDirectory() as temp:
            source = pathlib.Path(temp) / "schema/a.cpp"
            source.parent.mkdir()
            source.write_text("to.push_back({path(), TRY(time())});\nreturn A{TRY(b()),\n TRY(c())};\n"
                              "if (x) { f(a, TRY(b)); }\nreturn A{TRY(b())};\n")
            self.assertEqual(list(values_lost(pathlib.Path(temp))), ["schema/a.cpp:1", "schema/a.cpp:3"])

    def test_a_pure_archive_may_not_reach_the_world(self):
        """cmake/assert_pure.sh, as the build runs it."""
        uses = {"pure": "int twice(int a) { return 2 * a; }",
                "clock": "#include <time.h>\nlong now() { return time(nullptr); }",
                "file": '#include <unistd.h>\nint drop() { return unlink("x"); }',
                "folder": '#include <filesystem>\nbool is() { return std::filesystem::exists("x"); }',
                "output": '#include <cstdio>\nvoid say() { std::fprintf(stderr, "%d", 1); }'}
        refused = []
        with tempfile.TemporaryDirectory() as temp:
            for name, text in uses.items():
                source = pathlib.Path(temp) / f"{name}.cpp"
                source.write_text(text)
                subprocess.run(["c++", "-std=c++20", "-c", source, "-o", f"{temp}/{name}.o"], check=True)
                subprocess.run(["ar", "rc", f"{temp}/{name}.a", f"{temp}/{name}.o"], check=True)
            for name in [*uses, "missing"]:
                if subprocess.run([ROOT / "cmake/assert_pure.sh", f"{temp}/{name}.a"], capture_output=True).returncode:
                    refused.append(name)
        self.assertEqual(refused, ["clock", "file", "folder", "output", "missing"])


if __name__ == "__main__":
    unittest.main()
