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


if __name__ == "__main__":
    unittest.main()
