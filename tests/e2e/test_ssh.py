"""A config repo behind ssh: what its wall leaves to the Git child, and a key that changes."""

import getpass
import os
import shutil
import subprocess
import unittest

import layouts
from harness import Sandbox, free_port, wait

SSHD = shutil.which("sshd", path="/usr/sbin:/sbin:" + os.environ["PATH"]) or "sshd"


class SshTest(unittest.TestCase):
    def setUp(self):
        self.box = self.enterContext(Sandbox())
        root = self.box.root
        self.port = free_port()
        for name in ("host", "first", "second"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", root / name], check=True)
        self.authorize("first")
        (root / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {root}/host\nAuthorizedKeysFile {root}/authorized\n"
            f"StrictModes no\nUsePAM no\nPermitRootLogin yes\nPidFile {root}/sshd.pid\n")
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        with open(root / "sshd.log", "wb") as log:
            server = subprocess.Popen([SSHD, "-D", "-e", "-f", root / "sshd_config"], stderr=log)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.known = root / "known_hosts"
        kind, public, *_ = (root / "host.pub").read_text().split()
        self.known.write_text(f"[127.0.0.1]:{self.port} {kind} {public}\n")
        self.key = root / "key"
        self.use("first")
        url = f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{self.box.repo.remote}"
        self.box.repo.commit(layouts.repo(root) | {"projects/app.yaml": layouts.project(root).replace(
            f"{root}/config.git main", f"ssh://127.0.0.1:{self.port}{self.box.repo.remote} main")}, "first")
        self.box.daemon.remote = url
        wait(lambda: "listening" in (root / "sshd.log").read_text(), "sshd")
        self.box.daemon.start("--git-ssh-key", str(self.key), "--git-known-hosts", str(self.known))

    def authorize(self, name):
        shutil.copy(self.box.root / f"{name}.pub", self.box.root / "authorized")

    def use(self, name):
        """As secrets are rotated: a new file in the place of the old one."""
        fresh = self.key.with_suffix(".new")
        shutil.copy(self.box.root / name, fresh)
        fresh.chmod(0o600)
        fresh.rename(self.key)

    def accepts(self, value):
        commit = self.box.repo.commit({"versions/test/app.yaml": layouts.version(value)}, value)
        wait(lambda: self.box.daemon.get("/api/release/config")["accepted"]["commit"] == commit, f"{value} to be accepted")

    def test_a_revert_is_pushed_from_behind_the_wall(self):
        self.box.agent("t1")
        wait(lambda: self.box.daemon.assignment("test", "app")["sync"] == "in_sync", "1.0.0")
        self.box.repo.commit({"versions/test/app.yaml": layouts.version("2.0.0-bad")}, "bad")
        wait(lambda: self.box.daemon.assignment("test", "app")["desired"]["version"] == "1.0.0", "the revert")
        self.assertNotIn("its child can read", self.box.daemon.text())

    def test_a_rotated_key_is_seen_by_the_next_call(self):
        self.accepts("1.0.1")
        self.authorize("second")
        wait(lambda: self.box.daemon.get("/api/release/config")["poll_error"], "the old key to be refused")
        self.use("second")
        self.accepts("1.0.2")

    def test_a_host_that_is_not_known_is_told_nothing(self):
        self.accepts("1.0.1")
        self.known.write_text(f"[127.0.0.1]:{self.port} " + (self.box.root / "first.pub").read_text())
        wait(lambda: self.box.daemon.get("/api/release/config")["poll_error"], "the host to be refused")
        self.assertTrue(self.box.daemon.alive())


if __name__ == "__main__":
    unittest.main()
