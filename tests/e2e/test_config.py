"""Bad input through Git: it is shown with its place, holds only what depends on it, and heals."""

import os
import subprocess
import unittest

import layouts
from harness import Sandbox, wait


def config(box):
    return box.daemon.get("/api/release/config")


def sync(box, project):
    return box.daemon.assignment("test", project)


class ConfigTest(unittest.TestCase):
    def start(self, box, projects=("app",)):
        files = layouts.repo(box.root)
        for name in projects:
            files[f"projects/{name}.yaml"] = layouts.project(box.root, name)
            files[f"versions/test/{name}.yaml"] = layouts.version("1.0.0", project=name)
        box.repo.commit(files, "first")
        box.daemon.start()
        box.agent("t1")
        for name in projects:
            wait(lambda: sync(box, name)["sync"] == "in_sync", f"{name} in sync")

    def test_invalid_yaml_holds_only_what_depends_on_it_and_the_next_good_commit_heals(self):
        with Sandbox() as box:
            self.start(box, ("app", "web"))
            good = sync(box, "app")["desired"]["commit"]
            bad = box.repo.commit({
                "versions/test/app.yaml": layouts.version("1.1.0") + "flavour: sweet\n",
                "versions/test/web.yaml": layouts.version("1.1.0", project="web"),
            }, "one bad, one good")
            wait(lambda: sync(box, "web")["sync"] == "in_sync"
                 and sync(box, "web")["desired"]["version"] == "1.1.0", "web to go on")
            app = sync(box, "app")
            self.assertEqual(app["desired"]["version"], "1.0.0")
            self.assertEqual(app["desired"]["commit"], good)
            hold = next(h for h in app["holds"] if h["gate"] == "config")
            self.assertIn("versions/test/app.yaml:6:1", hold["reason"])
            self.assertIn("flavour", hold["reason"])
            seen = config(box)
            self.assertEqual((seen["tip"]["commit"], seen["tip"]["state"]), (bad, "partial"))
            error = seen["tip"]["errors"][0]
            self.assertEqual((error["file"], error["line"], error["column"]), ("versions/test/app.yaml", 6, 1))
            self.assertGreater(box.daemon.metric("tidegate_config_errors"), 0)
            validated = box.cli("validate", str(box.repo.clone), check=False)
            self.assertEqual(validated.returncode, 1)
            self.assertIn("versions/test/app.yaml:6:1: error:", validated.stdout + validated.stderr)
            explained = box.cli("explain", "app", "test", "--server", box.server, check=False).stdout
            self.assertIn("versions/test/app.yaml:6:1", explained)
            box.repo.commit({"versions/test/app.yaml": layouts.version("1.1.0")}, "mended")
            wait(lambda: sync(box, "app")["sync"] == "in_sync"
                 and sync(box, "app")["desired"]["version"] == "1.1.0", "app to heal")
            self.assertEqual(config(box)["tip"]["errors"], [])

    def test_force_push_is_held_until_accepted(self):
        with Sandbox() as box:
            self.start(box)
            first = box.repo.tip()
            box.repo.run("commit", "-q", "--amend", "-m", "rewritten")
            box.repo.run("push", "-q", "--force", "origin", "main")
            tip = box.repo.tip()
            wait(lambda: config(box)["tip"]["state"] == "held", "the tip to be held")
            self.assertEqual(config(box)["accepted"]["commit"], first)
            self.assertEqual(box.daemon.metric("tidegate_config_tip_held"), 1)
            wrong = box.cli("accept", "--commit", first, "--reason", "x", "--data-dir",
                            str(box.daemon.data), check=False)
            self.assertEqual(wrong.returncode, 1)
            box.cli("accept", "--commit", tip, "--reason", "history was cleaned", "--data-dir",
                    str(box.daemon.data))
            wait(lambda: config(box)["tip"]["state"] == "accepted", "the tip to be accepted")
            self.assertEqual(config(box)["accepted"]["commit"], tip)
            self.assertEqual(box.daemon.metric("tidegate_config_tip_held"), 0)

    def test_force_push_while_the_daemon_was_down_is_held_too(self):
        with Sandbox() as box:
            self.start(box)
            first = box.repo.tip()
            self.assertEqual(box.daemon.stop(), 0)
            box.repo.run("commit", "-q", "--amend", "-m", "rewritten")
            box.repo.run("push", "-q", "--force", "origin", "main")
            box.daemon.start()
            wait(lambda: config(box)["tip"]["state"] == "held", "the tip to be held")
            self.assertEqual(config(box)["accepted"]["commit"], first)

    def test_remote_away_for_a_while(self):
        with Sandbox() as box:
            self.start(box)
            hidden = box.root / "hidden.git"
            box.repo.remote.rename(hidden)
            wait(lambda: box.daemon.metric("tidegate_poll_failures_total") > 0, "a failed poll")
            self.assertEqual(sync(box, "app")["sync"], "in_sync")
            hidden.rename(box.repo.remote)
            box.repo.commit({"versions/test/app.yaml": layouts.version("1.1.0")}, "1.1.0")
            wait(lambda: sync(box, "app")["desired"]["version"] == "1.1.0", "the new commit")

    def test_hostile_files_are_refused_with_their_place(self):
        with Sandbox() as box:
            self.start(box, ("app", "web"))
            bomb = "a: &a [x]\n" + "".join(f"b{i}: &b{i} [*a, *a]\n" for i in range(9))
            deep = "x-deep: " + "[" * 600 + "]" * 600 + "\n"
            version = layouts.version("1.1.0", project="web")
            box.repo.write({"versions/test/bomb.yaml": bomb,
                            "versions/test/deep.yaml": layouts.version("1", project="deep") + deep,
                            "versions/test/large.yaml": "# " + "x" * 5_000_000 + "\n"})
            os.symlink("/etc/passwd", box.repo.clone / "versions/test/link.yaml")
            inner = box.root / "inner"
            box.repo.run("init", "-q", str(inner), cwd=box.root)
            box.repo.run("commit", "-q", "--allow-empty", "-m", "x", cwd=inner)
            box.repo.run("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner),
                         "versions/test/module.yaml")
            box.repo.commit({"versions/test/web.yaml": version}, "hostile")
            wait(lambda: sync(box, "web")["sync"] == "in_sync"
                 and sync(box, "web")["desired"]["version"] == "1.1.0", "web to go on")
            errors = {e["file"]: e["message"] for e in config(box)["tip"]["errors"]}
            for file, word in (("bomb", "aliases"), ("deep", "deep"), ("large", "bytes"),
                               ("link", "symbolic link"), ("module", "submodule")):
                self.assertIn(word, errors[f"versions/test/{file}.yaml"])

    def test_revert_races(self):
        """A human commit on top of the bad one: the newer wish wins where it concerns the assignment."""
        with Sandbox() as box:
            self.start(box)
            # Whoever pushes a revert finds that somebody else was faster, once.
            hook = box.repo.remote / "hooks" / "pre-receive"
            hook.write_text("#!/bin/sh\nif [ ! -e raced ] && ! [ \"$TIDEGATE_TEST\" ]; then touch raced; exec ./race; fi\n")
            race = box.repo.remote / "race"
            race.write_text("#!/bin/sh\nset -e\nunset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n"
                            "tree=$(git rev-parse 'main^{tree}')\n"
                            "commit=$(git -c user.name=Bob -c user.email=bob@example.com commit-tree $tree -p main -m 'unrelated, and faster')\n"
                            "git update-ref refs/heads/main $commit\n")
            race.chmod(0o755)
            bad = box.repo.commit({"versions/test/app.yaml": layouts.version("2.0.0-bad")}, "bad", push=True)
            hook.chmod(0o755)
            wait(lambda: len(box.repo.log()) >= 4, "human commit and revert")
            subjects = box.repo.log()
            self.assertTrue(subjects[0].startswith("Revert "), subjects)
            self.assertEqual(subjects[1], "unrelated, and faster")
            self.assertEqual(box.repo.log("%H")[2], bad)
            wait(lambda: sync(box, "app")["sync"] == "in_sync"
                 and sync(box, "app")["desired"]["version"] == "1.0.0", "back at 1.0.0")

    def test_a_refused_push_becomes_a_branch(self):
        with Sandbox() as box:
            self.start(box)
            bad = box.repo.commit({"versions/test/app.yaml": layouts.version("2.0.0-bad")}, "bad")
            hook = box.repo.remote / "hooks" / "update"
            hook.write_text("#!/bin/sh\n[ \"$1\" != refs/heads/main ] || { echo protected >&2; exit 1; }\n")
            hook.chmod(0o755)
            branches = lambda: box.repo.run("branch", "--list", "tidegate/revert-*", cwd=box.repo.remote)
            wait(branches, "a branch to merge")
            self.assertEqual(box.repo.tip(), bad)
            wait(lambda: (box.root / "apps/t1/app/version").read_text().strip() == "1.0.0", "t1 restored")
            branch = branches().strip()
            box.repo.run("update-ref", "refs/heads/main", branch, cwd=box.repo.remote)
            wait(lambda: sync(box, "app")["sync"] == "in_sync"
                 and sync(box, "app")["desired"]["version"] == "1.0.0", "the merged revert")

    def test_two_commits_while_a_release_runs(self):
        with Sandbox() as box:
            files = layouts.repo(box.root, body='while [ "$APP_VERSION" = 1.1.0 ] && [ ! -e "%s/go" ]; do sleep 0.05; done' % box.root)
            box.repo.commit(files, "first")
            box.daemon.start()
            box.agent("t1")
            wait(lambda: sync(box, "app")["sync"] == "in_sync", "in sync")
            box.repo.commit({"versions/test/app.yaml": layouts.version("1.1.0")}, "1.1.0")
            log = box.root / "installs-app.log"
            wait(lambda: "t1 1.1.0" in log.read_text(), "t1 to be busy")
            box.repo.commit({"versions/test/app.yaml": layouts.version("1.2.0")}, "1.2.0")
            box.repo.commit({"versions/test/app.yaml": layouts.version("1.3.0")}, "1.3.0")
            wait(lambda: sync(box, "app")["desired"]["version"] == "1.3.0", "1.3.0 to be seen")
            (box.root / "go").touch()
            wait(lambda: sync(box, "app")["sync"] == "in_sync", "1.3.0 in sync")
            self.assertEqual(log.read_text().splitlines(), ["t1 1.0.0", "t1 1.1.0", "t1 1.3.0"])


if __name__ == "__main__":
    unittest.main()
