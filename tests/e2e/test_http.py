"""The status endpoint of a live daemon: its shapes, its streams, and what hostile peers get."""

import http.client
import json
import os
import pathlib
import random
import re
import resource
import select
import socket
import subprocess
import threading
import time
import unittest

import layouts
from harness import BIN, PATIENCE, Agent, Sandbox, wait

MIB = 1024 * 1024

# Design, section 7: what clients rely on.
ASSIGNMENT = {"project", "environment", "desired", "sync", "targets", "release", "last_good", "holds",
              "revert_note", "orphaned", "drift", "behind_since"}
RELEASE = {"id", "project", "environment", "from", "to", "kind", "operation", "status", "strategy", "commit", "author",
           "created_at", "started_at", "finished_at", "reason", "holds", "steps", "targets"}
STEP = {"index", "entry", "kind", "targets", "status", "started_at", "finished_at", "required", "max_unavailable"}  # of a deploy
BACK_STEP = {"index", "kind", "does", "status", "targets", "done", "all"}
PROGRESS = {"name", "status", "from", "to", "error", "started_at", "finished_at", "stages"}
TASK = {"name", "type", "status", "retry_count"}
TARGET = {"name", "environment", "agent", "status", "last_seen_at", "labels", "installations"}
INSTALLATION = {"project", "version", "digest", "status", "drifted", "installed_at", "backups", "drift_reason"}
COUNTS = {"total", "in_sync", "updating", "failed", "offline", "drifted"}
ROUTES = """/healthz /readyz /metrics /openapi.json / /api/release/projects /api/release/projects/{name}
    /api/release/projects/{name}/environments /api/release/projects/{name}/pipelines
    /api/release/projects/{name}/variables /api/release/projects/{name}/artifacts
    /api/release/projects/{name}/dependencies /api/release/projects/{name}/dependency-graph
    /api/release/environments /api/release/environments/{env} /api/release/environments/{env}/targets
    /api/release/environments/{env}/variables /api/release/environments/{env}/window
    /api/release/targets/{name}/status /api/release/deploys /api/release/deploys/{id}
    /api/release/deploys/{id}/status /api/release/deploys/{id}/logs /api/release/deploys/{id}/analytics
    /api/release/deploys/{id}/watch /api/release/approvals /api/release/approvals/{id}
    /api/release/assignments /api/release/config""".split()


def check(value, schema, all_schemas, where):
    """A value against its OpenAPI schema: types, required and only documented fields, enumerations."""
    if "$ref" in schema:
        return check(value, all_schemas[schema["$ref"].rsplit("/", 1)[1]], all_schemas, where)
    if value is None:
        assert schema.get("nullable"), f"{where} is null"
        return None
    types = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
    kind = schema.get("type")
    if kind:
        assert isinstance(value, types[kind]), f"{where} must be {kind}, got {value!r}"
    if "enum" in schema:
        assert value in schema["enum"], f"{where}: {value!r} is not documented"
    if schema.get("format") == "date-time":
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value), f"{where}: {value}"
    if kind == "object":
        missing = set(schema.get("required", [])) - value.keys()
        assert not missing, f"{where} misses {missing}"
        for key, item in value.items():
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            assert inner is not None or not schema.get("properties"), f"{where}.{key} is not documented"
            if isinstance(inner, dict):
                check(item, inner, all_schemas, f"{where}.{key}")
    if kind == "array":
        for index, item in enumerate(value):
            check(item, schema["items"], all_schemas, f"{where}[{index}]")
    return None


class HttpTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """One fleet for all cases: they only look. A good release, a rolled back one, a held one."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)  # the daemon's too, so that it is not what bounds it
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4_096)), hard))
        cls.box = cls.enterClassContext(Sandbox())
        box = cls.box
        files = layouts.repo(box.root, targets=({"name": "t1", "labels": {"region": "north"}}, "t2"))
        files["projects/app.yaml"] += (
            "description: An app\nowner: team-a\nvariables:\n  A: plain\n"
            "  B: {type: env_specific, values: {test: x}}\n  C: {type: template, value: \"${A}-${B}\"}\n"
            "pipeline:\n  post_release:\n    - {name: note, type: script, config: {script: \"echo noted\"}}\n")
        files |= {
            "projects/held.yaml": layouts.project(box.root, "held"),
            "environments/closed.yaml": layouts.environment(
                "closed", ({"name": "t9", "agent": "t2"},), extra="release_window: never\nrequire_approval: true\napprovers: [bob@example.com]\n"),
            "windows/never.yaml": "apiVersion: tidegate/v1\nkind: ReleaseWindow\nname: never\ntimezone: Asia/Shanghai\n"
                                  "allowed_windows:\n  - {days: [1], start_time: \"00:00\", end_time: \"00:01\"}\n"
                                  "deny_windows:\n  - {days: [1, 2, 3, 4, 5, 6, 7], start_time: \"00:00\", end_time: \"23:59\"}\n",
            "versions/closed/held.yaml": layouts.version("1.0.0", "held", "closed"),
        }
        box.repo.commit(files, "first")
        box.daemon.start()
        for name in ("t1", "t2"):
            box.agent(name)
        wait(lambda: box.daemon.assignment("test", "app")["sync"] == "in_sync", "in sync")
        box.repo.commit({"versions/test/app.yaml": layouts.version("2.0.0-bad")}, "bad")
        wait(lambda: box.daemon.releases(status="rollback"), "the rollback")
        wait(lambda: box.daemon.assignment("test", "app")["sync"] == "in_sync", "1.0.0 again")
        cls.bad = box.daemon.releases(status="rollback")[0]["id"]
        cls.openapi = box.daemon.get("/openapi.json")

    def tearDown(self):
        daemon = self.box.daemon
        self.assertTrue(daemon.alive())
        for path in ("/healthz", "/readyz", "/metrics"):
            self.assertEqual(daemon.request("GET", path)[0], 200)

    def raw(self, request, limit=MIB, patience=20):
        """Sends bytes; what comes until the other side closes."""
        host, port = self.box.daemon.http_address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=patience) as link:
            try:
                link.sendall(request)
            except OSError:
                pass  # it was refused before all was said
            answer = b""
            try:
                while len(answer) < limit:
                    piece = link.recv(65536)
                    if not piece:
                        break
                    answer += piece
            except ConnectionResetError:
                pass
            except TimeoutError:
                raise AssertionError(f"still open after {patience} s; came: {answer[:100]}") from None
            return answer

    def fill(self, pattern):
        subject = {"{env}": "closed" if "window" in pattern else "test", "{id}": self.bad}
        if "approvals" in pattern:
            subject["{id}"] = "closed:held"
        subject["{name}"] = "t1" if "/targets/{name}" in pattern else "app"
        for name, value in subject.items():
            pattern = pattern.replace(name, value)
        return pattern

    # Shapes

    def test_every_route_answers_as_openapi_says(self):
        paths = self.openapi["paths"]
        self.assertEqual(set(ROUTES) - paths.keys(), set())
        for pattern, route in paths.items():
            ok = route["get"]["responses"]["200"]["content"]
            if "text/event-stream" in ok:
                continue
            with self.subTest(pattern):
                status, headers, body = self.box.daemon.request("GET", self.fill(pattern))
                self.assertEqual(status, 200, body)
                kind = headers["Content-Type"].split(";")[0]
                self.assertIn(kind, ok)
                if kind == "application/json":
                    check(json.loads(body), ok[kind]["schema"], self.openapi["components"]["schemas"], pattern)

    def test_values_of_variables_are_hidden(self):
        items = self.box.daemon.get("/api/release/projects/app/variables")["items"]
        self.assertEqual([(item["name"], item.get("value", item.get("values"))) for item in items],
                         [("A", None), ("B", {"test": None}), ("C", None)])

    def test_shapes_that_clients_rely_on(self):
        daemon = self.box.daemon
        self.assertEqual(daemon.get("/api/release/assignments").keys() - {"next_cursor"}, {"items"})
        seen = daemon.assignment("test", "app")
        self.assertEqual(seen.keys(), ASSIGNMENT)
        self.assertEqual(seen["targets"].keys(), COUNTS)
        self.assertEqual(seen["desired"].keys(), {"version", "digest", "commit"})
        self.assertEqual(seen["last_good"].keys(), {"version", "commit", "digest"})
        held = daemon.assignment("closed", "held")
        self.assertEqual(held["sync"], "held")
        self.assertEqual({h["gate"] for h in held["holds"]}, {"window", "unsupported"})
        window = next(h for h in held["holds"] if h["gate"] == "window")
        self.assertEqual(window.keys(), {"gate", "reason", "until", "until_local"})
        self.assertIn("never", window["reason"])

        release = daemon.release(self.bad)
        self.assertEqual(release.keys(), RELEASE | {"rollback"})
        self.assertEqual([(s["kind"], s["status"]) for s in release["rollback"]["steps"]],
                         [("restore", "success"), ("verify", "success")])
        self.assertEqual(release["rollback"]["steps"][0].keys(), BACK_STEP)
        self.assertEqual(release["steps"][0].keys(), STEP)
        self.assertEqual(release["targets"][0].keys(), PROGRESS)
        self.assertEqual(release["targets"][0]["stages"][0]["tasks"][0].keys(), TASK)
        self.assertEqual((release["from"], release["to"], release["kind"]), ("1.0.0", "2.0.0-bad", "introduce"))
        self.assertEqual(release["author"], "alice@example.com")

        target = daemon.get("/api/release/targets/t1/status")
        self.assertEqual(target.keys(), TARGET)
        self.assertEqual(target["labels"], {"region": "north"})
        self.assertEqual(target["installations"][0].keys(), INSTALLATION)
        self.assertEqual(target["installations"][0]["digest"], daemon.get(
            "/api/release/targets/t1/status")["installations"][0]["digest"])

        config = daemon.get("/api/release/config")
        self.assertLessEqual({"accepted", "tip", "last_poll_at"}, config.keys())
        self.assertEqual(config["accepted"].keys(), {"commit", "at"})
        self.assertLessEqual({"commit", "state", "errors"}, config["tip"].keys())
        self.assertEqual(config["tip"]["state"], "accepted")
        self.assertEqual(config["tip"]["commit"], self.box.repo.tip())

    def test_unknown_things_are_404_and_bad_questions_400(self):
        for path in ("/nope", "/api", "/api/release/projects/nope", "/api/release/deploys/nope", "/api/release/deploys/",
                     "/api/release/targets/nope/status", "/api/release/environments/nope", "/../etc/passwd",
                     "/api/release/deploys/" + self.bad + "/logs?action=../../store.sqlite", "//healthz"):
            with self.subTest(path):
                status, _, body = self.box.daemon.request("GET", path)
                self.assertEqual(status, 404)
                self.assertEqual(json.loads(body)["error"].keys(), {"code", "message"})
        for path in ("/api/release/deploys?status=nope", "/api/release/deploys?limit=0", "/api/release/deploys?limit=x",
                     "/api/release/deploys?limit=1001", "/api/release/deploys?cursor=%00"):
            with self.subTest(path):
                self.assertEqual(self.box.daemon.request("GET", path)[0], 400)

    def test_lists_go_page_by_page(self):
        daemon = self.box.daemon
        whole = [r["id"] for r in daemon.releases()]
        self.assertGreaterEqual(len(whole), 2)
        pages, cursor = [], ""
        while cursor is not None:
            page = daemon.get(f"/api/release/deploys?limit=1{cursor and '&cursor=' + cursor}")
            self.assertLessEqual(len(page["items"]), 1)
            pages += [r["id"] for r in page["items"]]
            cursor = page["next_cursor"]
        self.assertEqual(pages, whole)
        self.assertEqual([r["id"] for r in daemon.releases(status="rollback")], [self.bad])
        self.assertEqual(daemon.releases(environment="closed"), daemon.releases(project="held"))

    def test_the_page_for_people(self):
        status, headers, body = self.box.daemon.request("GET", "/")
        self.assertEqual(status, 200)
        self.assertIn("text/html", headers["Content-Type"])
        for text in ("app", "1.0.0", "2.0.0-bad", "never"):
            self.assertIn(text, body)
        self.assertNotRegex(body, r"<(form|input|button)")

    def test_head_and_etag(self):
        daemon = self.box.daemon
        status, headers, body = daemon.request("GET", "/api/release/assignments")
        self.assertEqual(daemon.request("HEAD", "/api/release/assignments")[2], "")
        known = {"If-None-Match": headers["ETag"]}
        status, again, body = daemon.request("GET", "/api/release/assignments", headers=known)
        self.assertEqual((status, body, again["ETag"]), (304, "", headers["ETag"]))
        status, _, body = daemon.request("GET", "/api/release/assignments", headers={"If-None-Match": '"other"'})
        self.assertEqual(status, 200)

    def test_other_methods_are_405_and_name_the_way(self):
        ways = {"/api/release/deploys": "versions/<environment>/<project>.yaml", "/api/release/projects/app":
                "projects/<project>.yaml", "/api/release/environments/test": "environments/<environment>.yaml",
                "/api/release/environments/closed/window": "windows/<name>.yaml", "/api/release/approvals":
                "approvals/<environment>/<project>.yaml", "/api/release/config": "tidegate accept", "/api/release/targets/t1/status":
                "tidegate enroll", "/": "tidegate rollback", "/nope": "tidegate rollback"}
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
            for path, way in ways.items():
                for body in (None, "{}", "x" * MIB):
                    with self.subTest(method=method, path=path, body=body and len(body)):
                        if body and len(body) > 2:
                            text = self.raw(f"{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
                                            .encode() + body.encode()).decode()
                            self.assertTrue(text.startswith("HTTP/1.1 405 "), text[:100])
                            self.assertIn(way, text)
                            continue
                        status, headers, text = self.box.daemon.request(method, path, body)
                        self.assertEqual(status, 405)
                        self.assertEqual(headers["Allow"], "GET, HEAD")
                        self.assertIn(way, text)

    # Streams

    def events(self, path, out, headers=None):
        """Reads Server-Sent Events into `out` until the stream ends."""
        host, port = self.box.daemon.http_address.rsplit(":", 1)
        link = http.client.HTTPConnection(host, int(port), timeout=60)
        link.request("GET", path, headers=headers or {})
        answer = link.getresponse()
        out.append(("head", answer.getheader("Content-Type")))

        def read():
            name = None
            with answer:
                try:
                    for line in answer:
                        key, _, value = line.decode().rstrip("\n").partition(": ")
                        if key == "event":
                            name = value
                        elif key == "data":
                            out.append((name, json.loads(value)))
                except (OSError, http.client.HTTPException, AttributeError, ValueError):
                    pass
            out.append(("end", None))

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 5)
        self.addCleanup(lambda: link.sock and link.sock.shutdown(socket.SHUT_RDWR))
        return link

    def test_watch_tells_every_change_and_ends_with_the_release(self):
        box, seen = self.box, []
        self.events("/api/release/assignments/watch", seen)
        self.assertEqual(seen[0][1].split(";")[0], "text/event-stream")
        schemas = self.openapi["components"]["schemas"]
        wait(lambda: len([e for e in seen if e[0] == "assignment"]) == 2, "both assignments")
        box.repo.pull()
        box.repo.commit({"versions/test/app.yaml": layouts.version("1.1.0")}, "1.1.0")
        mine = lambda: [e[1] for e in seen if e[0] == "assignment" and e[1]["project"] == "app"]
        wait(lambda: mine()[-1]["desired"]["version"] == "1.1.0" and mine()[-1]["sync"] == "in_sync", "the news")
        for _, item in seen[1:]:
            check(item, schemas["Assignment"], schemas, "event")
        done = []
        self.events(f"/api/release/deploys/{self.bad}/watch", done)
        wait(lambda: done[-1][0] == "end", "the end of the stream")
        self.assertEqual(done[-2][1]["status"], "rollback")

    # Hostile peers

    def test_heads_are_bounded(self):
        many = b"".join(b"x-%d: y\r\n" % i for i in range(10_000))
        cases = {
            "100 KB header": (b"GET / HTTP/1.1\r\nx: " + b"x" * 100_000 + b"\r\n\r\n", b"431"),
            "10,000 headers": (b"GET / HTTP/1.1\r\n" + many + b"\r\n", b"431"),
            "65 headers": (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 65 + b"\r\n", b"431"),
            "long target": (b"GET /" + b"a" * MIB + b" HTTP/1.1\r\n\r\n", b"414"),
            "a 100 MB line": (b"GET /" + b"a" * 100 * MIB, b"414"),
            "endless headers": (b"GET / HTTP/1.1\r\n" + many * 100, b"431"),
            "a folded header": (b"GET / HTTP/1.1\r\na: b\r\n c\r\n\r\n", b"400"),
            "a NUL": (b"GET / HTTP/1.1\r\na: \0\r\n\r\n", b"400"),
            "a foreign name": (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"421"),
            "no words": (b"\r\n\r\n \r\n\r\n", b"400"),
            "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n", b"400"),
        }
        before = self.memory()
        for name, (request, status) in cases.items():
            with self.subTest(name):
                self.assertEqual(self.raw(request)[:13], b"HTTP/1.1 " + status + b" ")
        self.assertLess(self.memory() - before, 16 * MIB)

    def memory(self):
        status = pathlib.Path(f"/proc/{self.box.daemon.child.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024

    def test_garbage_ends_only_its_own_connection(self):
        chance = random.Random(7)
        for size in (1, 10, 100, 1000, 10_000, 100_000):
            with self.subTest(size):
                answer = self.raw(chance.randbytes(size) + b"\r\n\r\n")
                self.assertNotIn(b" 200 ", answer[:20])

    def test_bodies_are_never_taken_for_requests(self):
        inner = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n"
        sizes = {"counted": b"content-length: %d\r\n\r\n" % len(inner) + inner,
                 "chunked": b"transfer-encoding: chunked\r\n\r\n%x\r\n" % len(inner) + inner + b"\r\n0\r\n\r\n",
                 "both": b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + inner,
                 "two lengths": b"content-length: 0\r\ncontent-length: 5\r\n\r\n" + inner,
                 "an odd length": b"content-length: +0\r\n\r\n" + inner,
                 "a lie": b"content-length: 1000000000\r\n\r\n" + inner}
        for name, rest in sizes.items():
            for method in (b"POST", b"GET"):
                with self.subTest(name=name, method=method):
                    answer = self.raw(method + b" /healthz HTTP/1.1\r\nhost: localhost\r\n" + rest)
                    self.assertEqual(answer.count(b"HTTP/1.1 "), 1, answer[:2000])
                    self.assertNotIn(b"openapi", answer)

    def test_pipelined_requests_are_answered_in_order(self):
        answer = self.raw(b"GET /healthz HTTP/1.1\r\n\r\nGET /nope HTTP/1.1\r\n\r\n"
                          b"GET /readyz HTTP/1.1\r\nconnection: close\r\n\r\n")
        self.assertEqual(re.findall(rb"HTTP/1.1 (\d+)", answer), [b"200", b"404", b"200"])

    def test_slow_lorises_do_not_keep_others_out(self):
        """1,500 connections that say one byte now and then; there is room for 1,024."""
        daemon = self.box.daemon
        host, port = daemon.http_address.rsplit(":", 1)
        slow = []
        try:
            for _ in range(1_500):
                link = socket.create_connection((host, int(port)), timeout=10)
                link.sendall(b"GET /api/release/deploys HTTP/1.1\r\nx-a: ")
                slow.append(link)
            until = time.monotonic() + 12
            beside, files = 0, 0
            while time.monotonic() < until:
                for link in slow:
                    try:
                        link.send(b"b")
                    except OSError:
                        pass
                for path in ("/healthz", "/metrics"):
                    self.assertEqual(daemon.request("GET", path, timeout=PATIENCE)[0], 200)
                beside += self.still_waiting(slow) > 1_000
                files = max(files, len(os.listdir(f"/proc/{daemon.child.pid}/fd")))
                threading.Event().wait(0.5)  # a slow peer's own pace
            # The room was full of slow ones, and stayed so while others were answered again and again.
            self.assertGreater(beside, 3, "answered only once the slow ones were cut")
            self.assertLess(files, 1_024 + 100)
            for link in slow:
                link.settimeout(0.001)
            cut = sum(self.was_cut(link) for link in slow)
            self.assertGreater(cut, 1_000)
        finally:
            for link in slow:
                link.close()

    @staticmethod
    def still_waiting(links):
        """How many of them were neither answered nor cut."""
        poll = select.poll()
        for link in links:
            poll.register(link, select.POLLIN)
        return len(links) - len(poll.poll(0))

    @staticmethod
    def was_cut(link):
        try:
            link.send(b"b")
            while link.recv(4096):
                pass
            return True
        except TimeoutError:
            return False
        except OSError:
            return True

    def test_readers_that_do_not_read_do_not_keep_others_out(self):
        daemon = self.box.daemon
        host, port = daemon.http_address.rsplit(":", 1)
        before = self.memory()
        deaf = []
        try:
            for _ in range(300):
                link = socket.socket()
                link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                link.settimeout(2)
                link.connect((host, int(port)))
                with_many = b"GET /openapi.json HTTP/1.1\r\n\r\n" * 20
                try:
                    link.sendall(with_many)
                except OSError:
                    pass
                deaf.append(link)
            for _ in range(20):
                self.assertEqual(daemon.request("GET", "/healthz")[0], 200)
            self.assertLess(self.memory() - before, 128 * MIB)
        finally:
            for link in deaf:
                link.close()


class MetricsTest(unittest.TestCase):
    def test_what_is_documented_is_there_and_moves(self):
        text = (pathlib.Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
        documented = set(re.findall(r"^\| `(tidegate_\w+)`", text, re.M))
        box = self.enterContext(Sandbox())
        daemon = box.daemon
        box.repo.commit(layouts.repo(box.root, targets=("t1", "t2")), "first")
        daemon.start()
        wait(lambda: daemon.metric("tidegate_agents_known") == 2, "the agents that the config names")
        box.agent("t1")
        box.agent("t3")
        wait(lambda: daemon.metric("tidegate_agents_known") == 3 and daemon.metric("tidegate_agents_online") == 2,
             "one more that is only enrolled")
        box.agent("t2")
        wait(lambda: daemon.assignment("test", "app")["sync"] == "in_sync", "in sync")
        box.repo.commit({"versions/test/app.yaml": layouts.version("2.0.0-bad")}, "bad")
        wait(lambda: daemon.metric("tidegate_reverts_total") == 1, "the revert")
        wait(lambda: daemon.releases(status="rollback"), "the rollback")
        box.repo.pull()

        subprocess.run([str(BIN / "hostile-agent"), "ask", "--server", daemon.agents_address, "--anonymous",
                        "--pki", str(box.agents["t1"].data / "pki")], input=b"POST /v1/session\n", check=True,
                       stdout=subprocess.DEVNULL, timeout=60)
        stranger = Agent(box.root, "t4", daemon)
        box.agents["t4"] = stranger
        made_up = box.root / "made-up"
        name, secret, fingerprint = box.token("t4").read_text().strip().rsplit(":", 2)
        made_up.write_text(f"{name}:{secret[::-1]}:{fingerprint}\n")
        stranger.start(token_file=made_up)
        away = box.repo.remote.with_name("away.git")
        box.repo.remote.rename(away)
        wait(lambda: daemon.metric("tidegate_poll_failures_total") > 0, "a poll in vain")
        away.rename(box.repo.remote)
        box.repo.run("commit", "-q", "--amend", "-m", "rewritten")
        box.repo.run("push", "-q", "--force", "origin", "main")
        wait(lambda: daemon.metric("tidegate_config_tip_held") == 1, "the rewritten tip to be held")

        exposed = set(re.findall(r"^# TYPE (tidegate_\w+) ", daemon.request("GET", "/metrics")[2], re.M))
        self.assertEqual(exposed, documented)
        wait(lambda: daemon.metric("tidegate_enrolments_refused_total") > 0, "a token that is none to be refused")
        still = [name for name in sorted(documented) if name.endswith("_total") and daemon.metric(name) <= 0]
        self.assertEqual(still, ["tidegate_agent_packets_dropped_total"], "that one takes a flood")


if __name__ == "__main__":
    unittest.main()
