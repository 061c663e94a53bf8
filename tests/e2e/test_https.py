"""A config repo behind https: what the Git child may see of the machine, and credentials that change."""

import base64
import http.server
import os
import ssl
import subprocess
import threading
import unittest

import layouts
from harness import Sandbox, wait


class Server:
    """Serves the sandbox's bare repo as `git http-backend` does, to who knows the token."""

    def __init__(self, root):
        self.root = root
        self.token = "first"
        self.certificate = self.issue("first")
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.http.handle_error = lambda *_: None  # who does not trust it ends the handshake
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.certificate, self.certificate.with_suffix(".key"))
        self.http.socket = self.tls.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://localhost:{self.http.server_address[1]}/config.git"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def issue(self, name):
        certificate = self.root / f"{name}.crt"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost", "-keyout", certificate.with_suffix(".key"),
                        "-out", certificate], check=True, capture_output=True)
        return certificate

    def use(self, certificate):
        self.tls.load_cert_chain(certificate, certificate.with_suffix(".key"))

    def handler(server):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                wanted = "Basic " + base64.b64encode(f"oauth2:{server.token}".encode()).decode()
                if self.headers.get("Authorization") != wanted:
                    return self.answer(401, {"WWW-Authenticate": "Basic realm=git"}, b"")
                path, _, query = self.path.partition("?")
                body = self.body()
                env = os.environ | {
                    "GIT_PROJECT_ROOT": str(server.root), "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_USER": "t",
                    "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
                    "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
                out = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True).stdout
                head, _, body = out.partition(b"\r\n\r\n")
                fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
                self.answer(int(fields.pop("Status", "200").split()[0]), fields, body)

            do_POST = do_GET

            def body(self):
                if self.headers.get("Transfer-Encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def answer(self, status, fields, body):
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler


class HttpsTest(unittest.TestCase):
    def setUp(self):
        self.box = self.enterContext(Sandbox())
        self.server = Server(self.box.root)
        self.addCleanup(self.server.close)
        self.token = self.box.root / "token"
        self.authorities = self.box.root / "authorities.pem"
        self.put(self.token, "first\n")
        self.put(self.authorities, self.server.certificate.read_text())
        self.box.repo.commit(layouts.repo(self.box.root) | {
            "projects/app.yaml": layouts.project(self.box.root).replace(f"{self.box.root}/config.git main", f"{self.server.url} main")}, "first")
        self.box.daemon.remote = self.server.url
        self.box.daemon.start("--git-token-file", str(self.token), "--git-ca-file", str(self.authorities))

    @staticmethod
    def put(file, text):
        """As secrets are rotated: a new file in the place of the old one."""
        fresh = file.with_suffix(".new")
        fresh.write_text(text)
        fresh.rename(file)

    def accepts(self, value):
        commit = self.box.repo.commit({"versions/test/app.yaml": layouts.version(value)}, value)
        wait(lambda: self.box.daemon.get("/api/release/config")["accepted"]["commit"] == commit, f"{value} to be accepted")

    def poll_error(self):
        return self.box.daemon.get("/api/release/config")["poll_error"]

    def test_a_damaged_copy_is_made_anew_by_a_child_that_is_walled_in(self):
        """Of the damaged one it may read what only that has: a commit that left the branch."""
        self.accepts("1.0.1")
        left = self.box.repo.tip()
        self.box.repo.run("reset", "--quiet", "--hard", "HEAD~1")
        self.box.repo.run("push", "--quiet", "--force", "origin", "HEAD:main")
        wait(lambda: self.box.daemon.get("/api/release/config")["tip"]["state"] == "held", "the force-push to be held")
        self.box.cli("accept", "--commit", self.box.repo.tip(), "--reason", "x", "--data-dir", str(self.box.daemon.data))
        self.box.daemon.kill()
        copy = self.box.daemon.data / "git"
        (copy / "refs/tidegate/remote/main").write_text("")
        self.box.daemon.start("--git-token-file", str(self.token), "--git-ca-file", str(self.authorities))
        self.accepts("1.0.2")
        subprocess.run(["git", "-C", copy, "cat-file", "-e", left + "^{tree}"], check=True)
        self.assertFalse(copy.with_name("git.damaged").exists())

    def test_a_rotated_token_and_authority_are_seen_by_the_next_call(self):
        self.accepts("1.0.1")
        self.server.token = "second"
        wait(lambda: "credentials" in (self.poll_error() or ""), "the old token to be refused")
        self.put(self.token, "second\n")
        self.accepts("1.0.2")
        self.server.use(self.server.issue("second"))
        wait(lambda: "not trusted" in (self.poll_error() or ""), "the new authority to be unknown")
        self.put(self.authorities, (self.box.root / "second.crt").read_text())
        self.accepts("1.0.3")

    def test_a_revert_is_pushed_from_behind_the_wall(self):
        self.box.agent("t1")
        wait(lambda: self.box.daemon.assignment("test", "app")["sync"] == "in_sync", "1.0.0")
        self.box.repo.commit({"versions/test/app.yaml": layouts.version("2.0.0-bad")}, "bad")
        wait(lambda: self.box.daemon.assignment("test", "app")["desired"]["version"] == "1.0.0", "the revert")
        wait(lambda: self.box.daemon.assignment("test", "app")["sync"] == "in_sync", "1.0.0 again")
        self.assertNotIn("its child can read", self.box.daemon.text())

    def test_a_revert_is_offered_as_a_branch_where_main_is_protected(self):
        repo = self.box.repo
        hook = repo.remote / "hooks" / "pre-receive"
        hook.write_text('#!/bin/sh\nwhile read old new ref; do\n[ "$ref" = refs/heads/main ] && [ -n "$REMOTE_USER" ] && exit 1\ndone\nexit 0\n')
        hook.chmod(0o755)
        self.box.agent("t1")
        wait(lambda: self.box.daemon.assignment("test", "app")["sync"] == "in_sync", "1.0.0")
        repo.commit({"versions/test/app.yaml": layouts.version("2.0.0-bad")}, "bad")
        wait(lambda: "tidegate/revert-" in repo.run("branch", "--list", cwd=repo.remote), "the branch")
        self.assertEqual(repo.show("versions/test/app.yaml"), layouts.version("2.0.0-bad").strip())


if __name__ == "__main__":
    unittest.main()
