"""Every verb of the command line against a live daemon, as text and as JSON."""

import json
import pathlib
import re
import subprocess
import unittest

import layouts
from harness import BIN, wait
from test_operations import Fleet

BAD = "2.0.0-bad"


class CliTest(Fleet):
    def setUp(self):
        super().setUp()
        self.start(("t1", "t2"))
        self.at_server = ("--server", self.box.server)
        self.at_home = ("--data-dir", str(self.box.daemon.data))

    def text(self, *args, code=0):
        done = self.box.cli(*args, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def json(self, *args, code=0):
        return json.loads(self.text(*args, "--output", "json", code=code))

    def test_verbs_that_look(self):
        box = self.box
        first = box.repo.tip()
        self.push(BAD)
        wait(lambda: self.release_to(BAD)["status"] == "rollback", "the rollback")
        wait(lambda: box.repo.log()[0].startswith("Revert "), "the revert")
        self.settled("1.0.0")
        bad = self.release_to(BAD)["id"]

        seen = self.json("status", *self.at_server)
        self.assertEqual(seen.keys(), {"config", "assignments", "active_releases"})
        self.assertEqual(seen["config"]["accepted"]["commit"], box.repo.tip())
        self.assertRegex(self.text("status", *self.at_server), r"test +app +1\.0\.0 +in_sync +2/2")

        seen = self.json("explain", "app", "test", *self.at_server)
        self.assertEqual(seen.keys(), {"assignment", "release", "config", "get_back"})
        self.assertEqual(seen["assignment"]["last_good"]["commit"], first)
        self.assertIn("in_sync", self.text("explain", "app", "test", *self.at_server))
        self.text("explain", "nope", "test", *self.at_server, code=1)

        items = self.json("history", "app", "test", *self.at_server)["items"]
        self.assertEqual([(r["to"], r["status"]) for r in items], [(BAD, "rollback"), ("1.0.0", "success")])
        self.assertIn(bad, self.text("history", *self.at_server))

        items = self.json("logs", bad, *self.at_server)["items"]
        self.assertEqual({i["target"] for i in items}, {"t1"})
        self.assertIn("exit code 1", self.text("logs", bad, "--target", "t1", *self.at_server))
        whole = self.json("logs", bad, "--full", *self.at_server)["logs"]
        self.assertEqual(len(whole), len({i["action"] for i in items}))
        self.assertTrue(all("== " in log["text"] for log in whole), whole)
        self.assertEqual(self.text("logs", bad, "--target", "t2", *self.at_server), "")  # it was not reached
        self.text("logs", bad, "--target", "t9", *self.at_server, code=1)

        self.text("status", "--server", "http://127.0.0.1:1", code=3)
        silent = self.box.cli("status", "--server", "http://127.0.0.1:1", check=False).stderr
        self.assertIn("http://127.0.0.1:1 does not answer: nobody listens there", silent)
        self.text("status", "--nope", code=2)

    def test_watch_tells_changes_as_they_come(self):
        watch = subprocess.Popen([str(BIN / "tidegate"), "watch", *self.at_server, "--output", "json"],
                                 stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(json.loads(watch.stdout.readline())["data"]["desired"]["version"], "1.0.0")
            self.push("1.1.0")
            for line in watch.stdout:
                item = json.loads(line)["data"]
                if item["desired"]["version"] == "1.1.0" and item["sync"] == "in_sync":
                    break
            self.box.daemon.stop()
            self.assertEqual(watch.wait(timeout=20), 3)
        finally:
            watch.kill()
            watch.wait(timeout=10)
            watch.stdout.close()

    def test_verbs_that_change(self):
        box, repo = self.box, ("--repo", str(self.box.repo.remote))
        self.push("1.1.0")
        self.settled("1.1.0")
        box.repo.pull()
        plan = self.json("plan", "--repo", str(box.repo.clone), "--base", "main~1", "--head", "main")
        self.assertEqual([(c["from"], c["to"]) for c in plan["changes"]], [("1.0.0", "1.1.0")])
        # Without the daemon what base asks for is taken for granted; it knows what is there.
        self.assertEqual([t["from"] for t in plan["changes"][0]["targets"]], ["1.0.0", "1.0.0"])
        plan = self.json("plan", "--repo", str(box.repo.clone), "--base", "main~1", "--head", "main", *self.at_server)
        self.assertEqual([t["from"] for t in plan["changes"][0]["targets"]], ["1.1.0", "1.1.0"])
        self.assertEqual(plan["changes"][0]["steps"], [])
        self.assertTrue(self.json("validate", str(box.repo.clone))["valid"])

        done = self.json("rollback", "app", "test", "--reason", "customers complain", *repo)
        self.assertEqual(done.keys(), {"assignment", "commit", "parent", "summary"})
        self.assertEqual(done["commit"], box.repo.tip())
        self.assertIn("Tidegate-Reason: customers complain", box.repo.message())
        self.settled("1.0.0")
        self.text("rollback", "app", "test", *repo, code=2)
        for verb in (("pause",), ("resume",), ("retry",), ("promote", "--full")):
            done = self.json(verb[0], "app", "test", *verb[1:], *repo)
            self.assertEqual(done["commit"], box.repo.tip(), verb)
        self.assertIn("t1", self.text("pin", "app", "test", "t1", "1.1.0", *repo))
        wait(lambda: self.version_on("t1") == "1.1.0", "the pin")
        self.json("pin", "app", "test", "t1", "--remove", *repo)
        wait(lambda: self.version_on("t1") == "1.0.0", "the pin's end")
        self.text("pause", "nope", "test", *repo, code=1)

    def test_verbs_of_the_daemons_machine(self):
        box = self.box
        token = self.text("enroll", "t3", *self.at_home).splitlines()[-1]
        self.assertRegex(token, r"^tidegate1:t3:[0-9a-f]{64}:[0-9a-f]{64}$")
        self.assertEqual(self.json("enroll", "t4", "--ttl", "5m", *self.at_home)["ttl"], 300)
        self.text("enroll", "t1", *self.at_home, code=1)
        self.text("enroll", "../x", *self.at_home, code=1)
        listed = {a["name"]: a["status"] for a in self.json("agents", "list", *self.at_home)["items"]}
        self.assertEqual(listed, {"t1": "online", "t2": "online"})
        self.assertRegex(self.text("agents", "list", *self.at_home), r"t1 +online")

        rows = self.json("audit", "verify", *self.at_home)
        self.assertEqual(rows["read_by"], "daemon")
        self.assertIn("chain verified", self.text("audit", "verify", *self.at_home))
        checks = self.json("doctor", *self.at_home)
        self.assertIn("clock", json.dumps(checks))

        # A rewritten branch is held until exactly its tip is accepted.
        box.repo.run("commit", "-q", "--amend", "-m", "rewritten")
        box.repo.run("push", "-q", "-f", "origin", "main")
        wait(lambda: box.daemon.get("/api/release/config")["tip"]["state"] == "held", "the rewrite to be held")
        self.text("doctor", *self.at_home, code=1)
        self.text("accept", "--commit", "0" * 40, "--reason", "x", *self.at_home, code=1)
        self.assertEqual(self.json("accept", "--commit", box.repo.tip(), "--reason", "cleaned", *self.at_home),
                         {"accepted": box.repo.tip()})
        wait(lambda: box.daemon.get("/api/release/config")["tip"]["state"] == "accepted", "it to be taken")

        self.text("agents", "revoke", "t22", "--reason", "a typo", *self.at_home, code=1)
        self.text("agents", "revoke", "t2", "--reason", "gone", *self.at_home)
        self.assertRegex(self.text("agents", "list", *self.at_home), r"t2 +revoked")

        self.assertEqual(box.daemon.stop(), 0)
        self.assertEqual(self.json("audit", "verify", *self.at_home)["read_by"], "store")
        self.text("agents", "list", *self.at_home, code=3)
        self.text("enroll", "t9", *self.at_home, code=3)
        self.text("doctor", *self.at_home, code=1)


class ManualTest(unittest.TestCase):
    def test_the_pages_of_both_daemons_name_every_flag(self):
        for program in ("tidegated", "tidegate-agent"):
            said = subprocess.run([str(BIN / program), "--help"], capture_output=True, text=True, check=True).stdout
            page = pathlib.Path(__file__).parents[2] / "packaging" / "man" / f"{program}.8"
            named = set(re.findall(r"--[\w-]+", page.read_text().replace("\\-", "-")))
            flags = set(re.findall(r"^ +(?:-\w,)?(--[\w-]+)", said, re.M))
            self.assertGreater(len(flags), 5)
            self.assertEqual(flags - named, set(), program)


if __name__ == "__main__":
    unittest.main()
