"""kill -9 at every named place and at random ones: the end is that of an undisturbed run."""

import os
import random
import subprocess
import unittest

import layouts
from harness import BIN, Sandbox, wait

TARGETS = ("t1", "t2", "t3")


def crash_points():
    out = subprocess.run([str(BIN / "tidegated"), "--list-crash-points"], capture_output=True, text=True,
                         check=True).stdout
    return out.split()


def start(box, **options):
    box.repo.commit(layouts.repo(box.root, targets=TARGETS, **options), "first")
    box.daemon.start()
    for name in TARGETS:
        box.agent(name)
    wait(lambda: box.daemon.assignment("test", "app")["sync"] == "in_sync", "1.0.0 everywhere")


def installs(box):
    return sorted((box.root / "installs-app.log").read_text().splitlines())


def reverts(box):
    return len([subject for subject in box.repo.log() if subject.startswith("Revert ")])


def in_sync(box, version):
    seen = box.daemon.assignment("test", "app")
    return seen["sync"] == "in_sync" and seen["desired"]["version"] == version


def good_end(box):
    return in_sync(box, "1.1.0")


def dies_until(box, point, ended):
    """Starts the daemon until the end is reached; each time it dies at `point`, where it comes by once more often."""
    for times in range(1, 40):
        box.daemon.start(env={"TIDEGATE_CRASHPOINT": f"{point}:{times}"}, wait_until_up=False)
        if wait(lambda: ended() and "end" if box.daemon.alive() else "crash",
                f"the end, or crash {times} at {point}") == "end":
            assert times > 1, f"never came by {point}"
            return
    raise AssertionError(f"comes by {point} again and again without an end")


def check_end(test, box):
    """1.1.0 once on each."""
    test.assertEqual(installs(box), sorted(f"{t} {v}" for t in TARGETS for v in ("1.0.0", "1.1.0")))
    audit = box.cli("audit", "verify", "--data-dir", str(box.daemon.data))
    test.assertEqual(audit.returncode, 0)


class CrashTest(unittest.TestCase):
    def test_at_every_named_point_during_a_good_release(self):
        for point in crash_points():
            if point.startswith("revert."):
                continue
            with self.subTest(point), Sandbox() as box:
                start(box)
                box.daemon.stop()
                box.repo.commit({"versions/test/app.yaml": layouts.version("1.1.0")}, "1.1.0")
                dies_until(box, point, lambda: good_end(box))
                check_end(self, box)

    def test_at_every_named_point_during_a_rollback(self):
        for point in crash_points():
            with self.subTest(point), Sandbox() as box:
                start(box)
                box.daemon.stop()
                bad = box.repo.commit({"versions/test/app.yaml": layouts.version("2.0.0-bad")}, "bad")
                dies_until(box, point, lambda: box.repo.tip() != bad and in_sync(box, "1.0.0"))
                self.assertEqual(reverts(box), 1)
                self.assertEqual([i for i in installs(box) if "bad" in i], ["t1 2.0.0-bad"])

    def test_thirty_random_kills(self):
        seed = int(os.environ.get("TIDEGATE_TEST_SEED", random.randrange(1 << 30)))
        print(f"TIDEGATE_TEST_SEED={seed}", flush=True)
        chance = random.Random(seed)
        with Sandbox() as box:
            start(box, body="sleep 0.0%d" % chance.randrange(1, 9))
            good, bad = ["1.0.0"], []
            for number in range(1, 31):
                rolls_back = number % 5 == 0
                if rolls_back:
                    wait(lambda: in_sync(box, good[-1]), "a last good version")
                    box.repo.pull()
                wanted = f"1.1.{number}" + ("-bad" if rolls_back else "")
                (bad if rolls_back else good).append(wanted)
                tip = box.repo.commit({"versions/test/app.yaml": layouts.version(wanted)}, wanted)
                # Not a wait for a result: the moment of the kill is what is drawn by lot.
                subprocess.run(["sleep", f"{chance.uniform(0, 3 if rolls_back else 1.5):.3f}"], check=True)
                box.daemon.kill()
                box.daemon.start()
                if rolls_back:
                    wait(lambda: box.repo.tip() != tip, "the revert")
                    box.repo.pull()
            wait(lambda: in_sync(box, good[-1]), "the last version")
            done = installs(box)
            self.assertEqual(len(done), len(set(done)), "something was installed twice")
            self.assertEqual([i for i in done if "bad" in i], sorted(f"t1 {version}" for version in bad))
            self.assertEqual(reverts(box), len(bad))
            self.assertEqual(box.cli("audit", "verify", "--data-dir", str(box.daemon.data)).returncode, 0)

    def test_the_store_is_lost_in_the_middle_of_a_release(self):
        with Sandbox() as box:
            start(box, body='while [ "$APP_VERSION" = 1.1.0 ] && [ ! -e "%s/go" ]; do sleep 0.05; done' % box.root)
            box.repo.commit({"versions/test/app.yaml": layouts.version("1.1.0")}, "1.1.0")
            wait(lambda: "t1 1.1.0" in installs(box), "t1 to be busy")
            box.daemon.kill()
            for file in box.daemon.data.glob("store.sqlite*"):
                file.unlink()
            box.daemon.start()
            (box.root / "go").touch()
            wait(lambda: good_end(box), "the same end without the store")
            check_end(self, box)

    def test_a_quarantine_survives_a_lost_store(self):
        with Sandbox() as box:
            start(box)
            # Only people get in, so Git keeps the bad version.
            hook = box.repo.remote / "hooks" / "pre-receive"
            hook.write_text('#!/bin/sh\n[ "$GIT_AUTHOR_NAME" = Alice ]\n')
            hook.chmod(0o755)
            bad = box.repo.commit({"versions/test/app.yaml": layouts.version("2.0.0-bad")}, "bad")
            def quarantined():
                return any(hold["gate"] == "quarantine" for hold in box.daemon.assignment("test", "app")["holds"])
            wait(quarantined, "the quarantine while Git keeps the bad version")
            box.daemon.kill()
            for file in box.daemon.data.glob("store.sqlite*"):
                file.unlink()
            box.daemon.start()
            wait(quarantined, "the quarantine without the store")
            self.assertEqual(box.repo.tip(), bad)
            self.assertEqual([i for i in installs(box) if "bad" in i], ["t1 2.0.0-bad"])

    def test_agent_killed_inside_a_script_is_unknown_and_never_runs_it_again(self):
        with Sandbox() as box:
            start(box, body='if [ "$APP_VERSION" = 1.1.0 ]; then touch "%s/busy"; while [ ! -e "%s/go" ]; do sleep 0.05; done; fi' % (box.root, box.root))
            good = box.repo.tip()
            bad = box.repo.commit({"versions/test/app.yaml": layouts.version("1.1.0")}, "1.1.0")
            wait(lambda: (box.root / "busy").exists(), "t1 to be busy")
            box.agents["t1"].kill()
            box.agents["t1"].start()
            release = wait(lambda: box.daemon.releases(status="rollback"), "unknown is a bad verdict")[0]
            target = next(t for t in box.daemon.release(release["id"])["targets"] if t["name"] == "t1")
            self.assertIn("unknown", (target["status"] + str(target["error"])).lower() + release["reason"].lower())
            self.assertEqual(installs(box).count("t1 1.1.0"), 1)
            wait(lambda: box.repo.tip() not in (good, bad), "the revert")

    def test_sigterm_stops_cleanly_and_nothing_is_lost(self):
        with Sandbox() as box:
            start(box)
            self.assertEqual(box.daemon.stop(), 0)
            self.assertFalse((box.daemon.data / "run" / "http.addr").exists())
            box.daemon.start()
            wait(lambda: box.daemon.assignment("test", "app")["sync"] == "in_sync", "in sync as before")
            self.assertEqual(len(installs(box)), len(TARGETS))


if __name__ == "__main__":
    unittest.main()
