"""Who may speak as an agent, what a hostile one can do, and agents that die or move."""

import contextlib
import json
import os
import pathlib
import shutil
import sqlite3
import struct
import subprocess
import unittest

import layouts
from harness import BIN, Agent, Relay, Sandbox, wait

SHA = "0" * 64


def hostile(box, verb, *args, given=b""):
    """Runs hostile-agent; the objects that it printed."""
    done = subprocess.run([str(BIN / "hostile-agent"), verb, *map(str, args)], input=given,
                          capture_output=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"hostile-agent {verb}: {done.stderr.decode()}")
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def talk(box, pki, given, *flags):
    return hostile(box, "talk", "--server", box.daemon.agents_address, "--pki", pki, *flags,
                   given=given)[0]


def identity(box, folder, name="stranger", ca=None, **options):
    """A certificate of the fleet's own CA (or another) that the daemon never gave out."""
    out = box.root / folder
    out.mkdir()
    flags = [text for key, value in options.items() for text in (f"--{key}", value)]
    hostile(box, "issue", "--ca", ca or box.daemon.data / "pki", "--out", out, "--name", name, *flags)
    return out


def same_but_for_use(box, folder, agent, use):
    """The agent's own name, key and serial, signed by the fleet's CA, for another use."""
    own, ca, out = own_identity(box, agent), box.daemon.data / "pki", box.root / folder
    shutil.copytree(own, out)

    def openssl(*args):
        return subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, text=True).stdout

    serial = openssl("x509", "-in", own / "agent.crt", "-noout", "-serial").strip().partition("=")[2]
    (out / "ext").write_text(f"subjectAltName=URI:tidegate://agent/{agent}\nextendedKeyUsage={use}\n"
                             "keyUsage=digitalSignature\nbasicConstraints=critical,CA:FALSE\n")
    openssl("req", "-new", "-key", own / "agent.key", "-subj", f"/CN={agent}", "-out", out / "csr")
    openssl("x509", "-req", "-in", out / "csr", "-CA", ca / "ca.crt", "-CAkey", ca / "ca.key", "-days", 1,
            "-set_serial", f"0x{serial}", "-extfile", out / "ext", "-out", out / "agent.crt")
    return out


def own_identity(box, agent):
    """The files of a real agent, where hostile-agent reads them."""
    return box.agents[agent].data / "pki"


def frame(body, claimed=None):
    return struct.pack(">I", len(body) if claimed is None else claimed) + body


def field(number, value):
    """One field of a protobuf message."""
    def varint(n):
        return bytes([n]) if n < 128 else bytes([n % 128 | 128]) + varint(n // 128)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def listed(box, name):
    out = box.cli("agents", "list", "--data-dir", str(box.daemon.data), "--output", "json").stdout
    return next(a for a in json.loads(out)["items"] if a["name"] == name)


def installs(box):
    file = box.root / "installs-app.log"
    return file.read_text().split("\n")[:-1] if file.exists() else []


def sync(box):
    return box.daemon.assignment("test", "app")["sync"]


class AgentsTest(unittest.TestCase):
    def setUp(self):
        self.box = self.enterContext(Sandbox())

    def start(self, targets=("t1",), **options):
        box = self.box
        box.repo.commit(layouts.repo(box.root, targets=targets, **options), "first")
        box.daemon.start()
        for name in targets:
            box.agent(name)
        wait(lambda: sync(box) == "in_sync", "in sync")

    def ends_with(self, agent, text, code=1):
        wait(lambda: not agent.alive(), f"{agent.name} to end with: {text}")
        self.assertEqual(agent.child.returncode, code, agent.tail())
        self.assertIn(text, agent.text())

    # Certificates

    def test_only_a_valid_agent_certificate_of_the_fleets_ca_gets_a_session(self):
        box = self.box
        self.start()
        online = box.daemon.metric("tidegate_agents_online")
        foreign = box.root / "foreign"
        foreign.mkdir()
        hostile(box, "make-ca", "--out", foreign)
        refused = {
            "a foreign CA's": identity(box, "p1", "stranger", ca=foreign),
            "expired": identity(box, "p2", "stranger", age=7200, lifetime=3600),
            "server use": same_but_for_use(box, "p3", "t1", "serverAuth"),
            "not the one given out for that name": identity(box, "p4", "t1"),
        }
        shutil.copy(box.daemon.data / "pki" / "ca.crt", refused["a foreign CA's"] / "ca.crt")
        for name, pki in refused.items():
            with self.subTest(name):
                seen = talk(box, pki, frame(b"\x0a\x00"))
                self.assertIsNone(seen["status"], f"{name}: {seen}")
                self.assertTrue(seen["closed"].startswith("refused"), seen)
        with self.subTest("client use, made in the same way"):
            self.assertEqual(talk(box, same_but_for_use(box, "p5", "t1", "clientAuth"), b"")["status"], 200)
        with self.subTest("none"):
            seen = hostile(box, "ask", "--server", box.daemon.agents_address, "--anonymous", "--pki",
                           own_identity(box, "t1"), given=b"POST /v1/session\n")[0]
            self.assertEqual(seen["status"], 403)
        with self.subTest("another protocol than h3"):
            seen = talk(box, own_identity(box, "t1"), b"", "--alpn", "h2")
            self.assertIsNone(seen["status"], f"another protocol: {seen}")
        wait(lambda: box.daemon.metric("tidegate_agents_refused_total") >= 6, "the refusals to be counted")
        self.assertEqual(box.daemon.metric("tidegate_agents_online"), online)
        self.assertEqual(box.agents["t1"].text().count("connected, epoch"), 1)

    def test_a_certificate_that_runs_out_ends_its_live_connection(self):
        box = self.box
        self.start()
        pki = identity(box, "short", lifetime=3)
        seen = talk(box, pki, b"")
        self.assertEqual(seen["status"], 200)
        self.assertIn("expired", seen["closed"])

    def test_an_agent_that_dies_with_an_action_on_its_way_holds_nothing_once_it_is_revoked(self):
        box = self.box
        self.start(("t1", "t2"), body=f"""[ "$TARGET_NAME $APP_VERSION" != "t1 1.1.0" ] ||
        while [ ! -e "{box.root}/go" ]; do sleep 0.1; done""")
        box.repo.commit({"versions/test/app.yaml": layouts.version("1.1.0")}, "1.1.0")
        wait(lambda: "t1 1.1.0" in installs(box), "t1 to begin")
        box.agents["t1"].kill()
        held = wait(lambda: next(hold for hold in box.daemon.assignment("test", "app")["holds"]
                                 if hold["gate"] == "unreported"), "the hold", seconds=45)
        self.assertTrue(held["until"], held)
        self.assertNotIn("t2 1.1.0", installs(box))
        box.cli("agents", "revoke", "t1", "--reason", "burnt", "--data-dir", str(box.daemon.data))
        wait(lambda: "t2 1.1.0" in installs(box), "t2 to go on")
        wait(lambda: box.daemon.releases(status="success")[0]["to"] == "1.1.0", "the end")
        (box.root / "go").touch()
        box.agents["t1"].start(token_file=box.token("t1", "--replace"))
        # It is asked first what it did, and cannot tell.
        wait(lambda: [hold for hold in box.daemon.assignment("test", "app")["holds"] if hold["gate"] == "unknown"],
             "what t1 says")
        box.repo.commit({"versions/test/app.yaml": layouts.version("1.1.0", extra="retry: 1\n")}, "again")
        wait(lambda: sync(box) == "in_sync", "in sync again")

    def test_revoked_agent_is_cut_at_once_and_cannot_come_back(self):
        box = self.box
        self.start(("t1", "t2"))
        agent = box.agents["t1"]
        spare = box.token("t1", "--replace")
        box.cli("agents", "revoke", "t1", "--reason", "stolen", "--data-dir", str(box.daemon.data))
        wait(lambda: "link lost" in agent.text(), "the live link to be cut")
        wait(lambda: agent.text().count("no link: ") >= 1, "a try to come back")
        agent.kill()
        seen = talk(box, own_identity(box, "t1"), frame(b"\x0a\x00"))
        self.assertIsNone(seen["status"], seen)
        self.assertTrue(seen["closed"].startswith("refused"), seen)
        self.assertEqual(agent.text().count("connected, epoch"), 1)
        wait(lambda: box.daemon.get("/api/release/targets/t1/status")["status"] != "online", "t1 away")
        self.assertEqual(listed(box, "t1")["revoke_reason"], "stolen")
        self.assertEqual(listed(box, "t2")["status"], "online")
        # A token from before the revocation does not bring it back, nor does a restart.
        agent.start(token_file=spare)
        wait(lambda: "the daemon refused to enrol t1" in agent.text(), "the old token to be refused")
        agent.kill()
        box.daemon.stop()
        box.daemon.start()
        self.assertIsNotNone(listed(box, "t1")["revoked_at"])
        # A new token does, though its certificate is still within its dates.
        agent.start(token_file=box.token("t1"))
        box.online("t1")

    def test_a_lost_ca_is_replaced_by_new_tokens(self):
        box = self.box
        self.start()
        agent = box.agents["t1"]
        box.daemon.stop()
        shutil.rmtree(box.daemon.data / "pki")
        box.daemon.start()
        wait(lambda: "no link: refused" in agent.text(), "the agent to know the daemon no more")
        agent.kill()
        agent.start(token_file=box.token("t1", "--replace"))
        box.online("t1")
        wait(lambda: sync(box) == "in_sync", "in sync")

    # Tokens

    def test_a_token_serves_one_key_one_name_and_its_time(self):
        box = self.box
        self.start()
        thief = Agent(box.root, "thief", box.daemon)
        thief.name = "t1"
        thief.start(token_file=box.root / "token-t1")
        self.ends_with(thief, "was used at")

        old = box.token("t2", "--ttl", "1s")
        late = Agent(box.root, "t2", box.daemon)
        expired = lambda: hostile(box, "ask", "--server", box.daemon.agents_address, "--anonymous", "--pki",
                                  own_identity(box, "t1"), given=b"POST /v1/enroll " + old.read_bytes())[0]
        wait(lambda: "expired at" in expired()["body"], "the token to expire")
        late.start(token_file=old)
        self.ends_with(late, "expired at")

        other = Agent(box.root, "t3", box.daemon)
        other.start(token_file=box.token("t4"))
        self.ends_with(other, "the token is for agent t4, not for t3")
        forged = (box.root / "token-t4").read_text().replace(":t4:", ":t3:")
        (box.root / "forged").write_text(forged)
        other.start(token_file=box.root / "forged")
        self.ends_with(other, "made for another agent")

        for file, why in ((box.root / "none", f"cannot read {box.root}/none: No such file or directory"),
                          (box.root, f"cannot read {box.root}: it is a folder"),
                          (box.repo.clone / "README.md", f"{box.repo.clone}/README.md: this is not an enrolment token")):
            other.start(token_file=file)
            self.ends_with(other, f"agent t3 has no valid certificate (there is none) and no token ({why}")
        other.data = box.agents["t1"].data
        box.agents["t1"].stop()
        other.start()
        self.ends_with(other, "the certificate is for tidegate://agent/t1, not for agent t3")

        self.assertEqual(box.cli("enroll", "t1", "--data-dir", str(box.daemon.data), check=False).returncode, 1)
        wait(lambda: box.daemon.metric("tidegate_enrolments_refused_total") >= 3, "the refusals to be counted")
        self.assertIn("enrolment from 127.0.0.1 refused", box.daemon.text())
        names = json.loads(box.cli("agents", "list", "--data-dir", str(box.daemon.data), "--output", "json").stdout)
        self.assertEqual([a["name"] for a in names["items"]], ["t1"])

    def test_two_holders_of_one_identity_are_both_shut_out(self):
        box = self.box
        self.start(("t1", "t2"))
        first = box.agents["t1"]
        alerts = box.daemon.metric("tidegate_alerts_total")
        clone = Agent(box.root, "clone", box.daemon)
        clone.name = "t1"
        shutil.copytree(first.data, clone.data)
        clone.start()
        wait(lambda: listed(box, "t1")["revoked_at"], "the identity to be revoked")
        self.assertIn("two processes", listed(box, "t1")["revoke_reason"])
        wait(lambda: box.daemon.metric("tidegate_alerts_total") > alerts, "the alert to be counted")
        wait(lambda: "two processes hold this identity" in box.daemon.text(), "the alert in the log")
        wait(lambda: box.daemon.get("/api/release/targets/t1/status")["status"] != "online", "t1 away")
        seen = [agent.text().count("connected, epoch") for agent in (first, clone)]
        wait(lambda: all("refused" in a.text().split("link lost")[-1] for a in (first, clone)), "both refused")
        self.assertEqual(seen, [agent.text().count("connected, epoch") for agent in (first, clone)])
        self.assertEqual(listed(box, "t2")["status"], "online")
        # Somebody looks after it: only who has the new token is in.
        clone.kill()
        first.kill()
        first.start(token_file=box.token("t1", "--replace"))
        box.online("t1")

    # Protocol

    def test_every_method_path_and_role_but_four_is_refused(self):
        box = self.box
        self.start()
        pki = identity(box, "walker", "walker")
        paths = ["/v1/enroll", "/v1/session", "/v1/logs/a1", f"/v1/artifacts/{SHA}", "/", "/v1", "/v1/session/",
                 "/v1/logs/", "/v1/logs/a/b", "/v1/artifacts/../x", "/v2/session", "/healthz",
                 "/api/release/config", "//v1/session", "/v1/session?x=1"]
        methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "post"]
        allowed = {("POST", "/v1/enroll", False): 403,  # no token
                   ("POST", "/v1/session", True): 200,
                   ("POST", "/v1/logs/a1", True): 409,  # before Hello
                   ("GET", f"/v1/artifacts/{SHA}", True): 404}  # none kept here
        walk = [(method, path) for method in methods for path in paths]
        given = "".join(f"{m} {p}\n" for m, p in walk).encode()
        for is_agent in (True, False):
            flags = [] if is_agent else ["--anonymous"]
            seen = hostile(box, "ask", "--server", box.daemon.agents_address, "--pki", pki, *flags, given=given)
            self.assertEqual(len(seen), len(walk))
            for (method, path), answer in zip(walk, seen):
                with self.subTest(method=method, path=path, agent=is_agent):
                    right = allowed.get((method, path, is_agent))
                    known = path in paths[:4]
                    if right:
                        self.assertEqual(answer["status"], right, answer)
                        self.assertEqual(bool(answer["body"]), right in (403, 404), answer)
                    else:
                        wrong_role = {m for m, p, _ in allowed if p == path} == {method}
                        self.assertEqual(answer["status"], 403 if wrong_role else 405 if known else 404, answer)
                        self.assertEqual(answer["body"], "")
        self.assertEqual(listed(box, "t1")["status"], "online")

    def test_broken_frames_end_only_their_own_session(self):
        box = self.box
        self.start()
        pki = identity(box, "broken", "broken")
        cases = {
            "oversized": (frame(b"x" * 1000, claimed=256 * 1024 + 1), (), "a frame must be"),
            "huge": (frame(b"x" * 1000, claimed=0xffffffff), (), "a frame must be"),
            "empty": (frame(b""), (), "a frame must be"),
            "garbage": (frame(os.urandom(1000)), (), "not a message of the agent protocol"),
            "endless garbage": (b"\x00\x00\x00\x08\x12\x06" + b"\xff" * 500_000, (), "not a message of the agent protocol"),
            "a browser": (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", (), "a frame must be"),
            "truncated": (frame(b"\x0a\x20abc", claimed=200), ("--finish",), "the agent ended the session"),
            "never a whole frame": (frame(b"\x0a\x20abc", claimed=200), (), "no Hello in time"),
        }
        for name, (given, flags, why) in cases.items():
            with self.subTest(name):
                seen = talk(box, pki, given, *flags)
                self.assertEqual(seen["status"], 200, seen)
                self.assertIsNotNone(seen["closed"], seen)
                self.assertIn(why, seen["closed"], name)
        self.assertNotIn("broken is online", box.daemon.text())
        self.assertEqual(box.agents["t1"].text().count("connected, epoch"), 1)
        self.assertNotIn("link lost", box.agents["t1"].text())
        wait(lambda: box.daemon.metric("tidegate_agents_refused_total") >= 6, "the faults to be counted")
        self.assertGreaterEqual(box.daemon.metric("tidegate_alerts_total"), 1)
        box.repo.commit({"versions/test/app.yaml": layouts.version("1.1.0")}, "1.1.0")
        wait(lambda: "t1 1.1.0" in installs(box) and sync(box) == "in_sync", "work to go on")

    def test_a_new_source_port_does_not_cost_the_session(self):
        box = self.box
        box.repo.commit(layouts.repo(box.root, body='while [ $APP_VERSION = 1.1.0 ] && [ ! -e "%s/go" ]; do sleep 0.05; done' % box.root), "first")
        box.daemon.start()
        relay = self.enterContext(Relay(box.daemon.agents_address))
        real, box.daemon.agents_address = box.daemon.agents_address, relay.address
        agent = box.agent("t1")
        box.daemon.agents_address = real
        wait(lambda: sync(box) == "in_sync", "in sync")
        before = listed(box, "t1")["address"]
        box.repo.commit({"versions/test/app.yaml": layouts.version("1.1.0")}, "1.1.0")
        wait(lambda: "t1 1.1.0" in installs(box), "t1 to be busy")
        port = relay.move()
        (box.root / "go").touch()
        wait(lambda: sync(box) == "in_sync", "the result to come over the new address")
        wait(lambda: listed(box, "t1")["address"].endswith(f":{port}"), "the new address to be known")
        self.assertNotEqual(before, listed(box, "t1")["address"])
        box.repo.commit({"versions/test/app.yaml": layouts.version("1.2.0")}, "1.2.0")
        wait(lambda: "t1 1.2.0" in installs(box) and sync(box) == "in_sync", "commands to come the new way")
        self.assertEqual(agent.text().count("connected, epoch"), 1)
        self.assertEqual(box.daemon.text().count("t1 is online"), 1)

    def test_what_ends_while_the_link_is_cut_is_told_afterwards(self):
        box = self.box
        box.repo.commit(layouts.repo(box.root, body='while [ $APP_VERSION = 1.1.0 ] && [ ! -e "%s/go" ]; do sleep 0.05; done' % box.root), "first")
        box.daemon.start()
        relay = self.enterContext(Relay(box.daemon.agents_address))
        real, box.daemon.agents_address = box.daemon.agents_address, relay.address
        agent = box.agent("t1")
        box.daemon.agents_address = real
        wait(lambda: sync(box) == "in_sync", "in sync")
        box.repo.commit({"versions/test/app.yaml": layouts.version("1.1.0")}, "1.1.0")
        wait(lambda: "t1 1.1.0" in installs(box), "t1 to be busy")
        relay.cut = True
        (box.root / "go").touch()
        wait(lambda: "deploy t1/app: done" in agent.text().split("1.1.0: asked for")[-1], "the script's end")
        wait(lambda: "link lost" in agent.text(), "the agent to notice")
        self.assertEqual(next(r for r in box.daemon.releases() if r["to"] == "1.1.0")["status"], "running")
        relay.cut = False
        wait(lambda: sync(box) == "in_sync", "the outcome from the journal")
        self.assertEqual(installs(box).count("t1 1.1.0"), 1)
        self.assertEqual(agent.text().count("1.1.0: asked for"), 1)

    # An agent that says too much

    def test_no_message_of_an_agent_stops_the_daemon(self):
        box = self.box
        box.repo.commit(layouts.repo(box.root, body="sleep 30"), "first")
        box.daemon.start()
        agent = box.agent("t1")
        wait(lambda: "t1 1.0.0" in installs(box), "t1 to be busy")
        agent.kill()
        with contextlib.closing(sqlite3.connect(f"file:{box.daemon.data}/store.sqlite?mode=ro", uri=True)) as store:
            action, body = store.execute("SELECT key, body FROM record WHERE kind = 'action'").fetchone()
        # Each byte takes six in JSON: more than an entry of the audit log may have.
        endless = b"\x01" * 240_000
        forged = b"x\n2026-01-01T00:00:00.000Z info all is well\r\x1b[2K\n"
        result = field(6, field(1, action) + field(2, json.loads(body)["action"]["release"]) + field(5, "deploy")
                       + field(6, "failed") + field(7, forged + endless)
                       + field(9, field(1, field(1, "t1") + field(2, "app")) + field(2, "failed")))
        updates = (field(5, field(1, action) + field(2, b"%d" % i + endless) + field(3, "x") + field(4, "running"))
                   for i in range(40))
        hello = field(1, field(1, 1) + field(2, "t1") + field(3, "b00t") + field(4, endless))
        given = b"".join(map(frame, (hello, field(2, field(4, 1)), *updates, result, result)))
        talk(box, own_identity(box, "t1"), given, "--seconds", 5)
        seen = wait(lambda: next(t for r in box.daemon.releases() for t in box.daemon.release(r["id"])["targets"]
                                 if t["error"]), "the outcome to be taken in")
        self.assertEqual(len(seen["error"]), 4096)
        self.assertLessEqual(len(seen["stages"]), 16)
        self.assertEqual(box.daemon.metric("tidegate_actions_total"), 1, "told twice, counted once")
        told = wait(lambda: [line for line in box.daemon.text().split("\n") if "all is well" in line], "its words in the log")
        for line in told:
            self.assertRegex(line, r"^\S+Z (warning|info) .*x 2026-01-01T")
            self.assertTrue(line.isprintable(), line)
        self.assertTrue(box.daemon.alive())
        self.assertEqual(box.daemon.stop(), 0)

    def test_an_agent_that_comes_and_goes_is_a_few_lines_a_minute(self):
        box = self.box
        self.start()
        box.agents["t1"].kill()
        hello = field(1, field(1, 1) + field(2, "t1") + field(3, "b00t"))
        given = b"".join(map(frame, (hello, field(2, field(4, 1)))))
        times = 40
        for _ in range(times):
            talk(box, own_identity(box, "t1"), given, "--finish", "--seconds", 1)
        self.assertEqual(box.daemon.stop(), 0)
        for word in ("online", "offline"):
            self.assertIn(f"t1 is {word}", box.daemon.text())
            self.assertLess(box.daemon.text().count(f"t1 is {word}"), times)

    # Death in the middle

    def test_killed_inside_a_script_the_probe_decides_and_nothing_runs_twice(self):
        body = ('if [ "$APP_VERSION" = 1.1.0 ]; then echo "$APP_VERSION" > version; touch "%s/busy"; '
                'while [ ! -e "%s/go" ]; do sleep 0.05; done; fi')
        cases = (("exit 0", "success", ""), ("exit 1", "rollback", "the probe found the old version"),
                 ("exit 7", "rollback", "unknown"))
        for probe, end, why in cases:
            with self.subTest(probe=probe), Sandbox() as box:
                self.box = box
                files = layouts.repo(box.root, body=body % (box.root, box.root))
                project = files["projects/app.yaml"]
                bound = f"if [ \"$APP_VERSION\" = 1.1.0 ]; then {probe}; fi; exit 0"
                files["projects/app.yaml"] = project.replace(
                    "    timeouts:", f"    probe_script: '{bound}'\n    timeouts:")
                box.repo.commit(files, "first")
                box.daemon.start()
                box.agent("t1")
                wait(lambda: sync(box) == "in_sync", "in sync")
                box.repo.commit({"versions/test/app.yaml": layouts.version("1.1.0")}, "1.1.0")
                wait(lambda: (box.root / "busy").exists(), "t1 to be busy")
                scripts = self.scripts_of(box)
                self.assertTrue(scripts)
                box.agents["t1"].kill()
                box.agents["t1"].start()
                wait(lambda: [r for r in box.daemon.releases(status=end) if r["to"] == "1.1.0"], f"the end {end}")
                self.assertEqual(installs(box).count("t1 1.1.0"), 1)
                self.assertEqual(self.scripts_of(box), [])
                self.assertIn(why, next(r for r in box.daemon.releases() if r["to"] == "1.1.0")["reason"])

    @staticmethod
    def scripts_of(box):
        """Processes that stand in the app's work dir."""
        found = []
        for link in pathlib.Path("/proc").glob("[0-9]*/cwd"):
            try:
                if str(box.root) + "/apps" in str(link.readlink()):
                    found.append(link.parent.name)
            except OSError:
                pass
        return found


if __name__ == "__main__":
    unittest.main()
