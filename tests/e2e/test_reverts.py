"""The Git side of a rollback when the remote, or a person, is in its way."""

import unittest

import layouts
from harness import wait
from test_operations import Fleet

BAD = "2.0.0-bad"
NOT_ALICE = '[ "$GIT_AUTHOR_NAME" != Alice ]'


class RevertsTest(Fleet):
    def hook(self, body):
        """A pre-receive hook; `$ref` is the ref that is pushed to."""
        file = self.box.repo.remote / "hooks" / "pre-receive"
        file.write_text(f"#!/bin/sh\nwhile read old new ref; do\n{body}\ndone\nexit 0\n")
        file.chmod(0o755)
        return file

    def reverts(self):
        return [s for s in self.box.repo.log() if s.startswith("Revert ")]

    def revert_of(self, version):
        return self.box.daemon.get(f"/api/release/deploys/{self.release_to(version)['id']}/status")["revert"]

    def side_commit(self, files):
        """A person's commit on the tip of main that is not on main yet."""
        repo = self.box.repo
        repo.write(files)
        repo.run("add", "-A")
        repo.run("commit", "-q", "-m", "by hand")
        commit = repo.run("rev-parse", "HEAD")
        repo.run("push", "-q", "origin", "HEAD:refs/heads/side")
        repo.run("reset", "-q", "--hard", "HEAD~1")
        return commit

    def race(self, files):
        """A person's push arrives in the middle of the daemon's: it lands first."""
        self.start(("t1", "t2"))
        repo = self.box.repo
        repo.write({"versions/test/app.yaml": layouts.version(BAD)})
        repo.run("commit", "-q", "-a", "-m", "bad")
        bad = repo.run("rev-parse", "HEAD")
        human = self.side_commit(files)
        self.hook(f'if {NOT_ALICE} && [ "$ref" = refs/heads/main ] && [ ! -e {self.box.root}/raced ]; then '
                  f"touch {self.box.root}/raced; unset GIT_QUARANTINE_PATH; git update-ref refs/heads/main {human}; fi")
        repo.run("push", "-q", "origin", "main")
        return bad, human

    def test_a_persons_newer_wish_that_wins_the_race_stands(self):
        bad, human = self.race({"versions/test/app.yaml": layouts.version("2.0.1")})
        self.settled("2.0.1")
        wait(lambda: (self.box.root / "raced").exists(), "the race")
        self.looked()
        self.assertEqual(self.reverts(), [])
        self.assertEqual(self.box.repo.log("%H", "main~1")[:2], [human, bad])
        self.assertEqual([i for i in self.installs() if "bad" in i], [f"t1 {BAD}"])
        wait(lambda: self.revert_of(BAD)["state"] == "not_needed", "the revert to be given up")

    def test_a_revert_that_lost_the_race_is_planned_on_the_new_tip(self):
        bad, human = self.race({"notes.md": "by hand\n"})
        wait(self.reverts, "the revert")
        self.settled("1.0.0")
        self.assertEqual(len(self.reverts()), 1)
        self.assertEqual(self.box.repo.log("%P")[0], human)
        self.assertEqual(self.box.repo.show("notes.md"), "by hand")
        self.assertEqual(self.box.repo.show("versions/test/app.yaml"), layouts.version("1.0.0").strip())

    def test_a_refused_push_is_seen_and_tried_again_while_the_fleet_is_restored_at_once(self):
        self.start(("t1", "t2"))
        hook = self.hook(f'{NOT_ALICE} && {{ echo "closed for the night"; exit 1; }}')
        self.push(BAD)
        wait(lambda: self.release_to(BAD)["status"] == "rollback", "the rollback")
        self.assertEqual(self.version_on("t1"), "1.0.0")
        wait(lambda: self.box.daemon.metric("tidegate_reverts_total") >= 1, "the failure to be counted")
        wait(lambda: "closed for the night" in str(self.revert_of(BAD)["note"]), "the remote's words")
        self.assertEqual(self.reverts(), [])
        hook.unlink()
        wait(self.reverts, "the revert")
        self.settled("1.0.0")
        self.assertEqual([i for i in self.installs() if "bad" in i], [f"t1 {BAD}"])

    def test_on_a_protected_branch_the_revert_waits_for_a_merge(self):
        box = self.box
        self.start(("t1", "t2"))
        hook = self.hook(f'{NOT_ALICE} && [ "$ref" = refs/heads/main ] && {{ echo "main is protected"; exit 1; }}')
        bad = self.push(BAD)
        wait(lambda: self.revert_of(BAD)["state"] == "branched", "the branch")
        branch = self.revert_of(BAD)["note"]
        self.assertTrue(branch.startswith("tidegate/revert-"), branch)
        self.assertEqual(box.repo.tip(), bad)
        self.assertEqual(box.repo.run("rev-parse", f"{branch}~1", cwd=box.repo.remote), bad)
        self.assertEqual(box.repo.show("versions/test/app.yaml", branch), layouts.version("1.0.0").strip())
        self.assertIn("protected", box.repo.message(branch))
        # Until the merge: last good runs, the wish is shown as quarantined, nothing is tried again.
        wait(lambda: self.version_on("t1") == "1.0.0", "the restore")
        wait(lambda: self.assignment()["sync"] == "quarantined", "the quarantine to be shown")
        box.daemon.stop()
        box.daemon.start()
        wait(lambda: self.assignment()["sync"] == "quarantined", "the quarantine after a restart")
        self.looked()
        hook.unlink()
        box.repo.pull()
        box.repo.run("merge", "-q", "--no-ff", "-m", "take it back", f"origin/{branch}")
        box.repo.run("push", "-q", "origin", "main")
        self.settled("1.0.0")
        self.assertEqual([i for i in self.installs() if "bad" in i], [f"t1 {BAD}"])
        self.assertEqual([i for i in self.installs() if i == "t1 1.0.0"], ["t1 1.0.0"])

    def test_a_file_that_a_person_edited_since_is_not_overwritten(self):
        box = self.box
        go = f"{box.root}/go"
        self.start(("t1", "t2"), body=f'while [ "$APP_VERSION" = {BAD} ] && [ ! -e {go} ]; do sleep 0.05; done')
        self.push(BAD)
        wait(lambda: f"t1 {BAD}" in self.installs(), "t1 to be busy")
        edited = layouts.version(BAD) + "# do not touch this file before Monday\n"
        tip = box.repo.commit({"versions/test/app.yaml": edited}, "a note")
        wait(lambda: box.daemon.get("/api/release/config")["accepted"]["commit"] == tip, "the note to be taken in")
        (box.root / "go").touch()
        wait(lambda: self.revert_of(BAD)["state"] == "branched", "the branch")
        self.assertEqual(box.repo.tip(), tip)
        self.assertTrue(self.revert_of(BAD)["note"].startswith("tidegate/revert-"))
        self.assertEqual(box.repo.show("versions/test/app.yaml", self.revert_of(BAD)["note"]),
                         layouts.version("1.0.0").strip())
        wait(lambda: self.version_on("t1") == "1.0.0", "the restore")

    def test_a_revert_waits_until_the_tip_is_valid_again(self):
        box = self.box
        go = f"{box.root}/go"
        self.start(("t1", "t2"), body=f'while [ "$APP_VERSION" = {BAD} ] && [ ! -e {go} ]; do sleep 0.05; done')
        self.push(BAD)
        wait(lambda: f"t1 {BAD}" in self.installs(), "t1 to be busy")
        project = (box.repo.clone / "projects/app.yaml").read_text()
        tip = box.repo.commit({"projects/app.yaml": project + "flavour: sweet\n"}, "a typo")
        wait(lambda: box.daemon.get("/api/release/config")["accepted"]["commit"] == tip, "the typo to be taken in")
        (box.root / "go").touch()
        wait(lambda: "not valid at the tip" in str(self.revert_of(BAD)["note"]), "the revert to wait")
        self.assertEqual(self.revert_of(BAD)["state"], "wanted")
        box.repo.commit({"projects/app.yaml": project}, "mended")
        wait(self.reverts, "the revert", 60)
        self.settled("1.0.0")
        self.assertEqual(box.repo.show("versions/test/app.yaml"), layouts.version("1.0.0").strip())

    def test_forward_only_freezes_instead(self):
        self.start(("t1", "t2"))
        bad = self.push(BAD, extra="forward_only: true\n")
        wait(lambda: self.release_to(BAD)["status"] == "failed", "the failure")
        self.looked()
        self.assertEqual(self.box.repo.log("%H", "main~1")[0], bad)
        self.assertEqual(self.reverts(), [])
        self.assertEqual((self.version_on("t1"), self.version_on("t2")), (BAD, "1.0.0"))
        self.assertFalse((self.box.root / "rollbacks-app.log").exists())
        self.push("2.0.1", extra="forward_only: true\n")
        self.settled("2.0.1")
        self.assertEqual((self.version_on("t1"), self.version_on("t2")), ("2.0.1", "2.0.1"))

    def test_a_commit_that_changed_more_keeps_the_rest(self):
        box = self.box
        self.start(("t1", "t2"))
        self.push(BAD, **{"notes.md": "new\n", "projects/other.yaml": layouts.project(box.root, "other")})
        wait(self.reverts, "the revert")
        self.settled("1.0.0")
        self.assertEqual(box.repo.show("versions/test/app.yaml"), layouts.version("1.0.0").strip())
        self.assertEqual(box.repo.show("notes.md"), "new")
        self.assertIn("name: other", box.repo.show("projects/other.yaml"))

    def test_a_guilty_shared_file_is_offered_back_on_a_branch(self):
        box = self.box
        self.start(("t1", "t2"))
        bad = box.repo.commit({"projects/app.yaml": layouts.project(box.root, body="exit 1")}, "a bad script")
        guilty = lambda: next(r for r in self.releases() if r["commit"] == bad)
        wait(lambda: guilty()["status"] == "rollback", "the rollback")
        state = lambda: box.daemon.get(f"/api/release/deploys/{guilty()['id']}/status")["revert"]
        wait(lambda: state()["state"] == "branched", "the branch")
        self.assertEqual(box.repo.tip(), bad)
        self.assertEqual(box.repo.show("projects/app.yaml", state()["note"]), layouts.project(box.root).strip())
        # Or a person mends it.
        self.push("1.1.0", **{"projects/app.yaml": layouts.project(box.root)})
        self.settled("1.1.0")


if __name__ == "__main__":
    unittest.main()
