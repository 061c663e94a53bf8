"""Scripts that hang, fork, flood, blab or fail: the host stays clean, the release ends as it should."""

import json
import pathlib
import subprocess
import unittest

import layouts
from harness import Relay, Sandbox, processes_of, wait

MIB = 1024 * 1024


def peak_memory(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    line = next(row for row in status.splitlines() if row.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def release_of(box, version):
    return next(r for r in box.daemon.releases(project="app") if r["to"] == version)


class ScriptsTest(unittest.TestCase):
    def setUp(self):
        self.box = self.enterContext(Sandbox())

    def start(self, body, *flags, timeouts=None, extra="", body_always=":", rollback=None, delay=None):
        """1.0.0 everywhere; the body runs for 2.0.0 only. With a delay the agent is far away."""
        box = self.box
        files = layouts.repo(box.root, body=f'{body_always}; if [ "$APP_VERSION" = 2.0.0 ]; then {body}\n      fi')
        project = files["projects/app.yaml"]
        if timeouts:
            project = project.replace("install: 30, update: 30, rollback: 30", timeouts)
        if rollback:
            project = project.replace('echo "$ROLLBACK_VERSION" > version', rollback)
        files["projects/app.yaml"] = project + extra
        box.repo.commit(files, "first")
        box.daemon.start()
        real = box.daemon.agents_address
        if delay:
            box.daemon.agents_address = self.enterContext(Relay(real, delay)).address
        box.agent("t1", *flags)
        box.daemon.agents_address = real
        wait(lambda: box.daemon.assignment("test", "app")["sync"] == "in_sync", "in sync")
        self.pushed = box.repo.commit({"versions/test/app.yaml": layouts.version("2.0.0")}, "2.0.0")

    def contained(self, why):
        """2.0.0 was rolled back for that reason, reverted, and 1.0.0 is there again."""
        box = self.box
        wait(lambda: release_of(box, "2.0.0")["status"] == "rollback", "the rollback")
        self.assertIn(why, release_of(box, "2.0.0")["reason"])
        wait(lambda: box.repo.tip() != self.pushed, "the revert")
        wait(lambda: box.daemon.assignment("test", "app")["sync"] == "in_sync", "1.0.0 again")
        self.assertEqual((box.root / "apps/t1/app/version").read_text().strip(), "1.0.0")

    def logs(self):
        release = release_of(self.box, "2.0.0")["id"]
        return self.box.cli("logs", release, "--server", self.box.server).stdout

    def test_a_script_that_fails(self):
        self.start("echo out of luck; exit 3")
        self.contained("exit code 3")
        self.assertIn("out of luck", self.logs())
        self.assertIn("exit code 3", self.box.repo.message())

    def test_a_script_killed_by_a_signal(self):
        self.start("kill -SEGV $$")
        self.contained("killed by signal 11")

    def test_a_script_that_hangs_is_ended_at_its_timeout(self):
        self.start("echo waiting for godot; sleep 1000", timeouts="install: 2, update: 2, rollback: 30")
        self.contained("timed out after 2s")
        self.assertIn("waiting for godot", self.logs())

    def test_children_that_ignore_term_go_with_it(self):
        box = self.box
        mark = f"MARK={box.root}"
        self.start(
            f"export {mark}; trap '' TERM; "
            "for i in 1 2 3; do (trap '' TERM; while :; do sleep 0.2; done) & done; "
            "setsid bash -c \"trap '' TERM; while :; do sleep 0.2; done\" & "
            f"setsid env -i bash -c \"trap '' TERM; touch {box.root}/bare; while :; do sleep 0.2; done\" & "
            f"(setsid setsid bash -c \"trap '' TERM HUP; touch {box.root}/far; while :; do sleep 0.2; done\" &) & "
            f"env -i setsid -f bash -c \"trap '' TERM HUP; touch {box.root}/lost; while :; do sleep 0.2; done\"; "
            "wait", timeouts="install: 10, update: 10, rollback: 30")
        for child in ("far", "bare", "lost"):
            wait(lambda: (box.root / child).exists(), f"the child {child}")
        wait(lambda: len(processes_of(mark)) >= 6, "all children of the group and out of it")
        self.assertEqual(len(processes_of(f"{box.root}/bare; while")), 1)
        self.contained("timed out after 10s")
        self.assertEqual(processes_of(mark), [])
        for child in ("bare", "lost"):
            self.assertEqual(processes_of(f"{box.root}/{child}; while"), [])

    def test_an_action_killed_with_its_agent_leaves_nothing_running(self):
        box = self.box
        mark = f"MARK={box.root}"
        self.start(f"export {mark}; trap '' TERM; setsid bash -c \"trap '' TERM; while :; do sleep 0.2; done\" & wait")
        wait(lambda: len(processes_of(mark)) >= 2, "the children")
        box.agents["t1"].kill()
        box.agents["t1"].start()
        self.contained("unknown")
        self.assertEqual(processes_of(mark), [])

    def test_backups_of_the_scripts_are_named_by_the_status(self):
        box = self.box
        self.start('mkdir -p "$BACKUP_DIR/$CURRENT_VERSION"; cp version "$BACKUP_DIR/$CURRENT_VERSION/"; '
                   'touch -d 2001-02-03T04:05:06Z "$BACKUP_DIR/older.tar"')
        installation = lambda: box.daemon.get("/api/release/targets/t1/status")["installations"][0]
        wait(lambda: release_of(box, "2.0.0")["status"] == "success", "2.0.0")
        folder = box.root / "apps/t1/app/backups"
        seen = installation()["backups"]
        self.assertEqual([b["path"] for b in seen], [str(folder / "1.0.0"), str(folder / "older.tar")])
        self.assertEqual(seen[1]["at"], "2001-02-03T04:05:06Z")
        self.assertEqual((pathlib.Path(seen[0]["path"]) / "version").read_text().strip(), "1.0.0")
        box.daemon.stop()
        box.daemon.start()
        wait(lambda: box.daemon.assignment("test", "app")["sync"] == "in_sync", "in sync")
        self.assertEqual(installation()["backups"], seen)

    def test_what_a_good_script_leaves_on_purpose_stays(self):
        box = self.box
        mark = f"MARK={box.root}"
        self.start(f"export {mark}; setsid sleep 600 >/dev/null 2>&1 &")
        wait(lambda: release_of(box, "2.0.0")["status"] == "success", "2.0.0")
        left = processes_of(mark)
        self.assertEqual(len(left), 1)
        self.assertEqual(box.agents["t1"].stop(), 0)
        self.assertEqual(processes_of(mark), left)
        subprocess.run(["kill", "-KILL", *map(str, left)], check=True)

    def test_a_service_goes_on_writing_to_its_starters_output(self):
        box = self.box
        ticks = box.root / "ticks"
        self.start(f"(n=0; while echo tick; do echo $((n+=1)) >{ticks}.new; mv {ticks}.new {ticks}; sleep 0.05; done) & "
                   f"echo $! >{box.root}/pid")
        wait(lambda: release_of(box, "2.0.0")["status"] == "success", "2.0.0")

        def goes_on(when):
            seen = int(ticks.read_text())
            wait(lambda: int(ticks.read_text()) > seen + 3, f"the service to go on {when}")

        goes_on("after the script")
        self.assertEqual(box.agents["t1"].stop(), 0)
        goes_on("without the agent")
        box.agents["t1"].start()
        goes_on("with the next agent")
        subprocess.run(["kill", "-KILL", (box.root / "pid").read_text().strip()], check=True)

    def test_a_gigabyte_of_output_is_bounded_everywhere(self):
        box = self.box
        self.start("echo the head; yes 0123456789012345678901234567890 | head -c 1000000000; echo the tail")
        wait(lambda: release_of(box, "2.0.0")["status"] == "success", "2.0.0", 120)
        self.assertLess(peak_memory(box.agents["t1"].child.pid), 64 * MIB)
        self.assertLess(peak_memory(box.daemon.child.pid), 96 * MIB)
        for folder in (box.agents["t1"].data, box.daemon.data):
            size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
            self.assertLess(size, 8 * MIB, folder)
        kept = self.logs()
        self.assertIn("the tail", kept)
        self.assertLess(len(kept), 2 * MIB)
        release = release_of(box, "2.0.0")["id"]
        action = box.daemon.get(f"/api/release/deploys/{release}/logs")["items"][0]["action"]
        full = lambda: box.daemon.request("GET", f"/api/release/deploys/{release}/logs?action={action}")[2]
        wait(lambda: "the head" in full(), "the whole log")
        self.assertRegex(full(), r"\[\.\.\. \d{9} bytes dropped \.\.\.\]")

    def test_the_end_of_a_long_log_comes_though_the_result_overtakes_it(self):
        box = self.box
        self.start("yes 0123456789012345678901234567890 | head -c 60000; echo the last words; exit 1", delay=0.01)
        self.contained("exit code 1")
        release = release_of(box, "2.0.0")["id"]
        action = box.daemon.get(f"/api/release/deploys/{release}/logs")["items"][0]["action"]
        full = lambda: box.daemon.request("GET", f"/api/release/deploys/{release}/logs?action={action}")[2]
        wait(lambda: "\nthe last words\n== verify" in full(), "the end of the log")

    def test_a_secret_that_a_script_prints_is_masked_everywhere(self):
        box = self.box
        secret = "hunter2-Tr0ub4dor&3"
        config = box.root / "agent.yaml"
        config.write_text(f"variables:\n  DB_PASSWORD: {{type: secret, value: \"{secret}\"}}\n")
        self.start(
            'echo "password=$DB_PASSWORD"; echo "$DB_PASSWORD" >&2; env; set -x; : "$DB_PASSWORD"; set +x; '
            'printf %s "${DB_PASSWORD:0:8}"; sleep 0.3; echo "${DB_PASSWORD:8}"; exit 1',
            "--config", str(config))
        self.contained("exit code 1")
        self.assertIn(f"{config} holds secrets and everybody can read it", box.agents["t1"].text())
        kept = self.logs()
        self.assertIn("password=***", kept)
        seen = {"tidegate logs": kept, "git": "\n".join(box.repo.log("%B")),
                "daemon log": box.daemon.text(), "agent log": box.agents["t1"].text()}
        release = release_of(box, "2.0.0")["id"]
        logs = box.daemon.get(f"/api/release/deploys/{release}/logs")["items"]
        paths = ["/", "/metrics", "/api/release/assignments", "/api/release/config", "/api/release/targets/t1/status",
                 "/api/release/projects/app/variables", "/api/release/environments/test/variables"]
        paths += [f"/api/release/deploys/{release}{tail}" for tail in ("", "/status", "/logs", "/analytics")]
        actions = {item["action"] for item in logs}
        paths += [f"/api/release/deploys/{release}/logs?action={action}" for action in actions]
        for path in paths:
            status, _, seen[path] = box.daemon.request("GET", path)
            self.assertIn(status, (200, 404), path)
        for args in (("status",), ("explain", "app", "test"), ("history",)):
            for output in ("text", "json"):
                done = box.cli(*args, "--server", box.server, "--output", output)
                seen[f"{args} {output}"] = done.stdout + done.stderr
        for where, text in seen.items():
            self.assertNotIn(secret, text, where)
        for folder in (box.daemon.data, box.agents["t1"].data):
            for file in folder.rglob("*"):
                if file.is_file():
                    self.assertNotIn(secret.encode(), file.read_bytes(), file)

    def test_a_check_that_never_turns_good_ends_at_its_deadline(self):
        box = self.box
        pipeline = ("pipeline:\n  post_release:\n    - {name: healthy, type: health_check, timeout: 2, "
                    "config: {type: script, script: '[ $APP_VERSION != 2.0.0 ]', retry: 1000, interval: 1}}\n")
        self.start(":", extra=pipeline)
        self.contained("healthy")

    def test_a_restore_that_cannot_end_is_given_up_with_an_alert(self):
        box = self.box
        self.start(f"touch {box.root}/broken; exit 1", timeouts="install: 1, update: 1, rollback: 1",
                   body_always=f"[ ! -e {box.root}/broken ] || sleep 1000",
                   rollback="sleep 1000")
        alerts = box.daemon.metric("tidegate_alerts_total")
        wait(lambda: release_of(box, "2.0.0")["status"] == "failed", "the end")
        self.assertIn("1 target could not be restored", release_of(box, "2.0.0")["reason"])
        wait(lambda: box.repo.tip() != self.pushed, "the revert all the same")
        wait(lambda: box.daemon.metric("tidegate_alerts_total") > alerts, "the alert")
        seen = self.logs()
        self.assertIn("exit code 1", seen)
        self.assertIn("restore/", seen)


if __name__ == "__main__":
    unittest.main()
