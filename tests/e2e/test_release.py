"""The main job from outside: a push rolls the fleet, a bad one is contained and reverted."""

import unittest

import layouts
from harness import Sandbox, wait

TARGETS = ("t1", "t2", "t3")


def in_sync_at(box, value):
    seen = box.daemon.assignment("test", "app")
    return seen["sync"] == "in_sync" and seen["desired"]["version"] == value and seen


class ReleaseTest(unittest.TestCase):
    def fleet(self, box, **options):
        box.repo.commit(layouts.repo(box.root, targets=TARGETS, **options), "first")
        box.daemon.start()
        for name in TARGETS:
            box.agent(name)
        return wait(lambda: in_sync_at(box, "1.0.0"), "1.0.0 everywhere")

    def installs(self, box):
        file = box.root / "installs-app.log"
        return file.read_text().split("\n")[:-1] if file.exists() else []

    def test_push_rolls_the_fleet_once_per_target(self):
        with Sandbox() as box:
            self.fleet(box)
            commit = box.repo.commit({"versions/test/app.yaml": layouts.version("1.1.0")}, "1.1.0")
            seen = wait(lambda: in_sync_at(box, "1.1.0"), "1.1.0 everywhere")
            self.assertEqual(seen["desired"]["commit"], commit)
            self.assertEqual(seen["last_good"]["version"], "1.1.0")
            self.assertEqual(sorted(self.installs(box)),
                             sorted([f"{t} {v}" for t in TARGETS for v in ("1.0.0", "1.1.0")]))
            for name in TARGETS:
                file = box.root / "apps" / name / "app" / "version"
                self.assertEqual(file.read_text().strip(), "1.1.0")
            release = box.daemon.releases(status="success")[0]
            self.assertEqual(len(box.daemon.release(release["id"])["steps"]), 3)

    def test_bad_version_is_contained_restored_and_reverted(self):
        with Sandbox() as box:
            self.fleet(box)
            good = box.daemon.assignment("test", "app")["desired"]["digest"]
            bad = box.repo.commit({"versions/test/app.yaml": layouts.version("2.0.0-bad")}, "to 2.0.0-bad")
            wait(lambda: box.repo.tip() != bad, "a revert on the remote")
            release = wait(lambda: box.daemon.releases(status="rollback"), "the release's end")[0]
            seen = wait(lambda: in_sync_at(box, "1.0.0"), "everything back at 1.0.0")
            self.assertEqual(seen["last_good"]["version"], "1.0.0")
            self.assertEqual([line for line in self.installs(box) if "bad" in line], ["t1 2.0.0-bad"])
            message = box.repo.message()
            self.assertTrue(message.startswith("Revert "), message)
            self.assertIn("\nEvidence:\n", message)
            self.assertIn("exit code 1", message.split("Evidence:")[1].split("Tidegate-")[0])
            for trailer in (f"Tidegate-Rollback: {release['id']}", "Tidegate-Assignment: test/app",
                            "Tidegate-Digest: ", f"Tidegate-Restores: {good}", "Tidegate-Reason: "):
                self.assertIn(trailer, message)
            self.assertEqual(box.repo.log("%P")[0], bad)
            self.assertEqual(box.repo.show("versions/test/app.yaml"), layouts.version("1.0.0").strip())
            self.assertEqual((box.root / "rollbacks-app.log").read_text(), "t1 1.0.0\n")

    def test_a_reverted_version_is_quarantined_until_a_person_enters_it_again(self):
        with Sandbox() as box:
            self.fleet(box)
            bad = box.repo.commit({"versions/test/app.yaml": layouts.version("2.0.0-bad")}, "bad")
            wait(lambda: box.daemon.releases(status="rollback"), "the rollback")
            wait(lambda: box.repo.tip() != bad, "the revert")
            wait(lambda: in_sync_at(box, "1.0.0"), "1.0.0 again")
            box.repo.pull()
            again = box.repo.commit({"versions/test/app.yaml": layouts.version("2.0.0-bad")}, "again")
            wait(lambda: len(box.daemon.releases(status="rollback")) == 2, "the second rollback")
            wait(lambda: box.repo.tip() != again, "the second revert")
            self.assertEqual(self.installs(box).count("t1 2.0.0-bad"), 2)

    def test_state_absent_uninstalls(self):
        with Sandbox() as box:
            self.fleet(box)
            box.repo.commit({"versions/test/app.yaml": layouts.version("1.0.0", extra="state: absent\n")}, "away")
            wait(lambda: not any((box.root / "apps" / t / "app" / "version").exists() for t in TARGETS),
                 "the files to be gone")
            wait(lambda: box.daemon.assignment("test", "app")["sync"] == "in_sync", "in sync")

    def test_no_last_good_removes_the_version_file(self):
        with Sandbox() as box:
            box.repo.commit(layouts.repo(box.root, "1.0.0-bad", targets=TARGETS), "first, and bad")
            first = box.repo.tip()
            box.daemon.start()
            for name in TARGETS:
                box.agent(name)
            wait(lambda: box.repo.tip() != first, "the revert")
            self.assertNotIn("versions/test/app.yaml",
                             box.repo.run("ls-tree", "-r", "--name-only", "main", cwd=box.repo.remote))

    def test_offline_target_catches_up(self):
        with Sandbox() as box:
            self.fleet(box)
            box.agents["t3"].stop()
            wait(lambda: box.daemon.get("/api/release/targets/t3/status")["status"] == "offline", "t3 offline")
            box.repo.commit({"versions/test/app.yaml": layouts.version("1.1.0")}, "1.1.0")
            wait(lambda: box.daemon.releases(status="success", project="app")[0]["to"] == "1.1.0", "1.1.0 on those that are there")
            box.agents["t3"].start()
            wait(lambda: in_sync_at(box, "1.1.0"), "t3 to catch up")


if __name__ == "__main__":
    unittest.main()
