"""What people and hosts do to a fleet: windows, pauses, pins, retries, drift, absence, clean stops."""

import datetime
import unittest

import layouts
from harness import Sandbox, wait

UTC = datetime.timezone.utc
BUSY = 'if [ "$APP_VERSION" = 1.1.0 ]; then touch "%s/busy-$TARGET_NAME"; while [ ! -e "%s/go" ]; do sleep 0.05; done; fi'


class Fleet(unittest.TestCase):
    """A sandbox with one project; `self.box` and short words for what is asked of it."""

    def setUp(self):
        self.box = self.enterContext(Sandbox())

    def start(self, targets=("t1",), agent_flags=(), change=None, **options):
        box = self.box
        files = layouts.repo(box.root, targets=targets, **options)
        if change:
            change(files)
        box.repo.commit(files, "first")
        box.daemon.start()
        for name in targets:
            box.agent(name, *agent_flags)
        self.settled("1.0.0")

    def push(self, version, extra="", message=None, author=None, **files):
        return self.box.repo.commit({"versions/test/app.yaml": layouts.version(version, extra=extra)} | files,
                                    message or version, author)

    def assignment(self):
        return self.box.daemon.assignment("test", "app")

    def settled(self, version):
        def there():
            seen = self.assignment()
            return seen["sync"] == "in_sync" and seen["desired"]["version"] == version and seen
        return wait(there, f"{version} in sync")

    def hold(self, gate):
        return wait(lambda: next(h for h in self.assignment()["holds"] if h["gate"] == gate), f"hold {gate}")

    def installs(self):
        file = self.box.root / "installs-app.log"
        return file.read_text().split("\n")[:-1] if file.exists() else []

    def version_on(self, target):
        file = self.box.root / "apps" / target / "app" / "version"
        return file.read_text().strip() if file.exists() else None

    def releases(self, **filters):
        return self.box.daemon.releases(project="app", **filters)

    def release_to(self, version):
        return wait(lambda: next(r for r in self.releases() if r["to"] == version), f"a release to {version}")

    def looked(self):
        """The daemon has taken in a commit of now: it had every reason to do what it should not."""
        repo = self.box.repo
        repo.pull()
        mark = repo.commit({"README.md": repo.tip()}, "a mark")
        wait(lambda: self.box.daemon.get("/api/release/config")["accepted"]["commit"] == mark, "the mark to be taken")

    def change(self, *args, **options):
        return self.box.cli(*args, "--repo", str(self.box.repo.remote), **options)


class OperationsTest(Fleet):
    # Gates

    def closed_window(self, files=None):
        """Open only on the day after tomorrow, UTC."""
        day = datetime.datetime.now(UTC).date() + datetime.timedelta(days=2)
        window = ("apiVersion: tidegate/v1\nkind: ReleaseWindow\nname: later\ntimezone: UTC\nallowed_windows:\n"
                  f"  - {{days: [{day.isoweekday()}], start_time: \"00:00\", end_time: \"23:59\"}}\n"
                  "emergency_users: [oncall@example.com]\n")
        self.opens = f"{day.isoformat()}T00:00:00Z"
        return {"windows/later.yaml": window,
                "environments/test.yaml": layouts.environment(extra="release_window: later\n")}

    def test_a_closed_window_holds_until_it_opens(self):
        self.start()
        self.box.repo.commit(self.closed_window(), "closed from now on")
        self.push("1.1.0")
        hold = self.hold("window")
        self.assertEqual(hold["until"], self.opens)
        self.assertIn("later", hold["reason"])
        self.assertEqual(self.assignment()["sync"], "held")
        window = self.box.daemon.get("/api/release/environments/test/window")
        self.assertEqual((window["state"], window["changes_at"]), ("closed", self.opens))
        # Rules cannot loosen themselves: the commit that opens the window does not pass it.
        open_again = {"environments/test.yaml": layouts.environment()}
        self.push("1.2.0", **open_again)
        wait(lambda: self.assignment()["desired"]["version"] == "1.2.0", "1.2.0 to be seen")
        self.hold("window")
        self.assertEqual(self.installs(), ["t1 1.0.0"])
        # A later one does, under the rules that stood before it.
        self.push("1.2.1")
        self.settled("1.2.1")
        self.assertEqual(self.installs(), ["t1 1.0.0", "t1 1.2.1"])

    def test_an_emergency_passes_windows_only_for_its_users(self):
        self.start()
        self.box.repo.commit(self.closed_window(), "closed from now on")
        trailer = "\n\nTidegate-Emergency: the shop is down"
        self.push("1.1.0", message="1.1.0" + trailer)
        self.hold("window")
        self.push("1.1.1", message="1.1.1", author=("Oncall", "oncall@example.com"))
        wait(lambda: self.assignment()["desired"]["version"] == "1.1.1", "1.1.1 to be seen")
        self.hold("window")
        self.push("1.2.0", message="1.2.0" + trailer, author=("Oncall", "oncall@example.com"))
        self.settled("1.2.0")
        self.push("1.3.0", extra="paused: true\n", message="1.3.0" + trailer, author=("Oncall", "oncall@example.com"))
        self.hold("pause")
        self.assertEqual(self.installs(), ["t1 1.0.0", "t1 1.2.0"])

    def test_a_pause_holds_until_resumed(self):
        self.start()
        self.change("pause", "app", "test", "--reason", "inventory day")
        self.box.repo.pull()
        self.push("1.1.0", extra="paused: true\n")
        self.hold("pause")
        self.looked()
        self.assertEqual(self.installs(), ["t1 1.0.0"])
        self.change("resume", "app", "test")
        self.settled("1.1.0")
        self.assertEqual(self.installs(), ["t1 1.0.0", "t1 1.1.0"])

    def test_a_pause_in_the_middle_keeps_the_next_step_from_starting(self):
        box = self.box
        self.start(("t1", "t2"), body=BUSY % (box.root, box.root))
        self.push("1.1.0")
        wait(lambda: (box.root / "busy-t1").exists(), "t1 to be busy")
        paused = self.push("1.1.0", extra="paused: true\n")
        wait(lambda: box.daemon.get("/api/release/config")["accepted"]["commit"] == paused, "the pause to be taken in")
        (box.root / "go").touch()
        self.hold("pause")
        wait(lambda: self.version_on("t1") == "1.1.0", "t1 to end")
        self.looked()
        self.assertEqual(self.version_on("t2"), "1.0.0")
        self.change("resume", "app", "test")
        self.settled("1.1.0")
        self.assertEqual(self.installs().count("t1 1.1.0"), 1)
        self.assertEqual(self.version_on("t2"), "1.1.0")

    def test_a_pinned_target_stays_and_follows_again(self):
        self.start(("t1", "t2"))
        self.push("1.1.0")
        self.settled("1.1.0")
        self.change("pin", "app", "test", "t1", "1.0.0")
        wait(lambda: self.version_on("t1") == "1.0.0", "t1 at its pin")
        self.settled("1.1.0")
        self.box.repo.pull()
        pinned = 'pins: [{target: t1, version: "1.0.0"}]\n'
        self.push("1.2.0", extra=pinned)
        self.settled("1.2.0")
        self.assertEqual((self.version_on("t1"), self.version_on("t2")), ("1.0.0", "1.2.0"))
        self.change("pin", "app", "test", "t1", "--remove")
        wait(lambda: self.version_on("t1") == "1.2.0", "t1 to follow")
        self.settled("1.2.0")

    def test_what_failed_is_tried_again_when_a_person_says_so(self):
        box = self.box
        (box.root / "broken").touch()
        self.start(body=f'[ "$APP_VERSION" = 1.0.0 ] || [ ! -e {box.root}/broken ]',
                   extra="rollback: {auto_rollback: false}\n")
        tip = self.push("1.1.0")
        wait(lambda: self.release_to("1.1.0")["status"] == "failed", "the failure")
        wait(lambda: self.assignment()["sync"] == "quarantined", "it to be blocked")
        (box.root / "broken").unlink()
        self.looked()
        self.assertEqual(self.installs().count("t1 1.1.0"), 1)
        self.assertEqual(box.repo.log("%H", "main~1")[0], tip)
        self.change("retry", "app", "test", "--reason", "the disk was full")
        self.settled("1.1.0")
        self.assertEqual(self.installs().count("t1 1.1.0"), 2)

    # Drift

    def drifting(self, heal):
        def probe(files):
            project = files["projects/app.yaml"]
            files["projects/app.yaml"] = project.replace(
                "    timeouts:", "    probe_script: '[ \"$(cat version)\" = \"$APP_VERSION\" ]'\n    timeouts:")
        self.start(agent_flags=("--drift-interval", "1"), change=probe, extra=heal)
        (self.box.root / "apps/t1/app/version").write_text("by hand")

    def test_drift_is_healed(self):
        self.drifting("")
        wait(lambda: self.version_on("t1") == "1.0.0", "the drift to be healed")
        wait(lambda: self.releases(status="success")[0]["kind"] == "heal", "the heal release")
        self.settled("1.0.0")
        self.assertEqual(self.assignment()["targets"]["drifted"], 0)

    def test_drift_is_only_shown_where_that_is_wished(self):
        for wish in ("report_only", "false"):
            with self.subTest(wish), Sandbox() as self.box:
                self.drifting(f"heal: {wish}\n")
                wait(lambda: self.assignment()["targets"]["drifted"] == 1, "the drift to be shown")
                status = self.box.daemon.get("/api/release/targets/t1/status")
                self.assertTrue(status["installations"][0]["drifted"])
                self.looked()
                self.assertEqual(self.version_on("t1"), "by hand")
                self.assertEqual([r["kind"] for r in self.releases()], ["introduce"])

    # Absence

    def test_last_seen_is_the_last_message(self):
        def seen():
            status = self.box.daemon.get("/api/release/targets/t1/status")
            return status["status"], datetime.datetime.fromisoformat(status["last_seen_at"].replace("Z", "+00:00"))
        self.start()
        connected = datetime.datetime.now(UTC)
        self.push("1.1.0")
        self.settled("1.1.0")
        wait(lambda: seen()[1] > connected, "the release's messages to count")
        ended = datetime.datetime.now(UTC)
        self.box.cli("agents", "revoke", "t1", "--reason", "gone", "--data-dir", str(self.box.daemon.data))
        wait(lambda: seen()[0] == "offline", "t1 to be cut off")
        self.assertLess(seen()[1], ended)

    def test_targets_that_are_away_are_skipped_and_catch_up_alone(self):
        self.start(("t1", "t2"))
        self.assertEqual(self.box.agents["t2"].stop(), 0)
        self.push("1.1.0")
        wait(lambda: self.release_to("1.1.0")["status"] == "success", "1.1.0 on t1")
        release = self.box.daemon.release(self.release_to("1.1.0")["id"])
        status = {t["name"]: t["status"] for t in release["targets"]}
        self.assertEqual(status, {"t1": "success", "t2": "skipped"})
        seen = self.assignment()
        self.assertNotEqual(seen["sync"], "in_sync")
        self.assertEqual((seen["targets"]["in_sync"], seen["targets"]["offline"]), (1, 1))
        self.box.agents["t2"].start()
        self.settled("1.1.0")
        self.assertEqual(self.version_on("t2"), "1.1.0")
        self.assertEqual(self.releases()[0]["kind"], "catch_up")
        self.assertEqual(self.installs().count("t1 1.1.0"), 1)

    def test_where_asked_a_release_waits_for_those_that_are_away(self):
        self.start(("t1", "t2"), extra="offline: wait\n")
        self.assertEqual(self.box.agents["t2"].stop(), 0)
        self.push("1.1.0")
        self.hold("offline")
        self.box.agents["t2"].start()
        self.settled("1.1.0")
        self.assertEqual([r["kind"] for r in self.releases(status="success")], ["introduce", "introduce"])

    def test_absent_uninstalls_and_says_what_to_keep(self):
        def remember(files):
            files["projects/app.yaml"] = files["projects/app.yaml"].replace(
                "rm -f version", f'echo "$TARGET_NAME $KEEP_DATA" >> "{self.box.root}/uninstalls.log"; rm -f version')
        self.start(("t1", "t2"), change=remember)
        self.push("1.0.0", extra="state: absent\nkeep_data: true\n")
        wait(lambda: not self.version_on("t1") and not self.version_on("t2"), "both to be gone")
        wait(lambda: self.releases(status="success")[0]["kind"] == "uninstall", "the release's end")
        said = (self.box.root / "uninstalls.log").read_text().splitlines()
        self.assertEqual(sorted(said), ["t1 true", "t2 true"])
        wait(lambda: self.assignment()["sync"] == "in_sync", "in sync")
        self.push("1.0.0")
        wait(lambda: self.version_on("t1") and self.version_on("t2"), "both to be back")

    # Newest wins

    def test_of_two_commits_during_a_release_only_the_newest_runs(self):
        box = self.box
        self.start(("t1", "t2"), body=BUSY % (box.root, box.root))
        self.push("1.1.0")
        wait(lambda: (box.root / "busy-t1").exists(), "t1 to be busy")
        self.push("1.2.0")
        wait(lambda: self.assignment()["desired"]["version"] == "1.2.0", "1.2.0 to be seen")
        self.push("1.3.0")
        wait(lambda: self.assignment()["desired"]["version"] == "1.3.0", "1.3.0 to be seen")
        (box.root / "go").touch()
        self.settled("1.3.0")
        self.assertEqual([i for i in self.installs() if i[3:] in ("1.1.0", "1.2.0")], ["t1 1.1.0"])
        wait(lambda: self.release_to("1.1.0")["status"] == "cancelled", "1.1.0 to be given up")

    # Clean stops

    def test_the_daemon_stopped_in_the_middle_goes_on_where_it_was(self):
        box = self.box
        self.start(("t1", "t2"), body=BUSY % (box.root, box.root))
        self.push("1.1.0")
        wait(lambda: (box.root / "busy-t1").exists(), "t1 to be busy")
        release = self.release_to("1.1.0")["id"]
        self.assertEqual(box.daemon.stop(), 0)
        self.assertEqual(list((box.daemon.data / "run").glob("*.addr")), [])
        (box.root / "go").touch()
        box.daemon.start()
        self.settled("1.1.0")
        self.assertEqual(self.release_to("1.1.0")["id"], release)
        self.assertEqual(sorted(i for i in self.installs() if "1.1.0" in i), ["t1 1.1.0", "t2 1.1.0"])
        box.cli("audit", "verify", "--data-dir", str(box.daemon.data))

    def test_an_agent_stopped_in_the_middle_says_so_and_is_put_right(self):
        box = self.box
        self.start(body=BUSY % (box.root, box.root))
        self.push("1.1.0")
        wait(lambda: (box.root / "busy-t1").exists(), "t1 to be busy")
        agent = box.agents["t1"]
        self.assertEqual(agent.stop(), 0)
        agent.start()
        wait(lambda: self.release_to("1.1.0")["status"] == "rollback", "the verdict")
        self.settled("1.0.0")
        self.assertEqual(self.version_on("t1"), "1.0.0")
        self.assertEqual(self.installs().count("t1 1.1.0"), 1)


if __name__ == "__main__":
    unittest.main()
