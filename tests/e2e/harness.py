"""A real Tidegate on this machine: Git remote, daemon, agents, services. For the e2e tests.

Everything lives below one temporary directory and ends with it. Nothing sleeps for a result:
`wait` polls a condition until a deadline.
"""

import collections
import contextlib
import http.client
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

BIN = pathlib.Path(os.environ["TIDEGATE_BIN"])
AGENT = os.environ.get("TIDEGATE_TEST_AGENT", str(BIN / "tidegate-agent"))  # that of another build, to try both together
PATIENCE = float(os.environ.get("TIDEGATE_TEST_PATIENCE", "60"))

GIT_ENV = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Alice",
    "GIT_AUTHOR_EMAIL": "alice@example.com",
    "GIT_COMMITTER_NAME": "Alice",
    "GIT_COMMITTER_EMAIL": "alice@example.com",
}


def wait(condition, what, seconds=PATIENCE):
    """Polls until the condition gives something true; returns it."""
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        try:
            last = condition()
            if last:
                return last
        except (OSError, StopIteration, KeyError, IndexError, TypeError, http.client.HTTPException, ValueError) as error:
            last = error
        time.sleep(0.03)
    raise AssertionError(f"waited {seconds:.0f} s in vain for {what}; last seen: {last!r}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def processes_of(mark):
    """Processes that carry the mark in their environment or arguments, whatever they became."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if any(mark.encode() in (folder / file).read_bytes() for file in ("environ", "cmdline")):
                found.append(int(folder.name))
        except OSError:
            pass
    return found


class ConfigRepo:
    """A bare remote and a clone of it to commit from."""

    def __init__(self, root):
        self.remote = root / "config.git"
        self.clone = root / "config"
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        self.env |= GIT_ENV | {"HOME": str(root)}
        self.run("init", "-q", "--bare", "-b", "main", str(self.remote), cwd=root)
        self.run("clone", "-q", str(self.remote), str(self.clone), cwd=root)
        self.run("checkout", "-q", "-b", "main")

    def run(self, *args, cwd=None, author=None, check=True):
        env = dict(self.env)
        if author:
            name, email = author
            env |= {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email,
                    "GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": email}
        done = subprocess.run(["git", *args], cwd=cwd or self.clone, env=env, text=True,
                              capture_output=True, timeout=60)
        if check and done.returncode != 0:
            raise AssertionError(f"git {' '.join(args)}: {done.stderr}")
        return done.stdout.strip()

    def write(self, files):
        for path, text in files.items():
            file = self.clone / path
            if text is None:
                file.unlink()
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def commit(self, files, message, author=None, push=True):
        """Writes, commits and pushes; returns the commit id."""
        self.write(files)
        self.run("add", "-A")
        self.run("commit", "-q", "-m", message, author=author)
        if push:
            self.run("push", "-q", "origin", "main")
        return self.run("rev-parse", "HEAD")

    def pull(self):
        self.run("fetch", "-q", "origin")
        self.run("reset", "-q", "--hard", "origin/main")

    def tip(self):
        return self.run("rev-parse", "main", cwd=self.remote)

    def log(self, fmt="%s", rev="main"):
        return self.run("log", f"--format={fmt}", rev, cwd=self.remote).splitlines()

    def message(self, rev="main"):
        return self.run("log", "-1", "--format=%B", rev, cwd=self.remote)

    def show(self, path, rev="main"):
        return self.run("show", f"{rev}:{path}", cwd=self.remote)


class Process:
    """One of our programs, its log in a file."""

    def __init__(self, log):
        self.log = log
        self.child = None
        self.user = None  # ours

    def launch(self, command, env=None):
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                          env=os.environ | (env or {}), start_new_session=True, user=self.user)

    def alive(self):
        return self.child is not None and self.child.poll() is None

    def signal(self, number):
        if self.alive():
            self.child.send_signal(number)

    def kill(self):
        """Like a crash or the end of the host's power, for this process alone."""
        self.signal(signal.SIGKILL)
        if self.child:
            self.child.wait(timeout=10)

    def stop(self, seconds=20):
        """The clean way; returns the exit code."""
        if self.child is None:
            return 0
        self.signal(signal.SIGTERM)
        try:
            return self.child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError(f"did not stop within {seconds} s:\n{self.tail()}")

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self, lines=40):
        return "\n".join(self.text().splitlines()[-lines:])


class Daemon(Process):
    def __init__(self, root, remote):
        super().__init__(root / "tidegated.log")
        self.data = root / "daemon"
        self.remote = remote
        self.agents_address = None  # kept over restarts, so that agents find it again
        self.http_address = None

    def start(self, *flags, env=None, wait_until_up=True):
        self.launch([str(BIN / "tidegated"), "--repo", str(self.remote), "--branch", "main",
                     "--data-dir", str(self.data),
                     "--listen-agents", self.agents_address or "127.0.0.1:0",
                     "--listen-http", self.http_address or "127.0.0.1:0",
                     "--poll-interval", "1s", *flags], env)
        if wait_until_up:
            self.wait_up()
        return self

    def wait_up(self):
        def up():
            if not self.alive():
                raise AssertionError(f"tidegated ended with {self.child.poll()}:\n{self.tail()}")
            self.http_address = (self.data / "run" / "http.addr").read_text().strip()
            if self.request("GET", "/healthz")[0] != 200:
                return False
            self.agents_address = (self.data / "run" / "agents.addr").read_text().strip()
            return self.agents_address
        wait(up, "tidegated to be up")

    def request(self, method, path, body=None, headers=None, timeout=10):
        host, port = self.http_address.rsplit(":", 1)
        link = http.client.HTTPConnection(host, int(port), timeout=timeout)
        try:
            link.request(method, path, body=body, headers=headers or {})
            answer = link.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            link.close()

    def get(self, path):
        status, _, body = self.request("GET", path)
        if status != 200:
            raise ValueError(f"GET {path}: {status} {body}")
        return json.loads(body)

    def metric(self, name):
        """The sum of all series of one metric, which must exist."""
        _, _, body = self.request("GET", "/metrics")
        if f"# TYPE {name} " not in body:
            raise AssertionError(f"no such metric: {name}")
        values = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", body, re.M)
        return sum(float(v) for v in values)

    def assignment(self, environment, project):
        items = self.get("/api/release/assignments?limit=1000")["items"]
        return next(i for i in items if (i["environment"], i["project"]) == (environment, project))

    def releases(self, **filters):
        query = "&".join(f"{k}={v}" for k, v in filters.items())
        return self.get(f"/api/release/deploys?limit=1000&{query}")["items"]

    def release(self, release_id):
        return self.get(f"/api/release/deploys/{release_id}")


class Agent(Process):
    def __init__(self, root, name, daemon):
        super().__init__(root / f"agent-{name}.log")
        self.name = name
        self.daemon = daemon
        self.data = root / f"agent-{name}"
        self.program = AGENT

    def start(self, *flags, token_file=None, env=None):
        command = [str(self.program), "--server", self.daemon.agents_address,
                   "--name", self.name, "--data-dir", str(self.data), "--allow-root", "--keep-alive", "1"]
        if token_file:
            command += ["--token-file", str(token_file)]
        self.launch([*command, *flags], env)
        return self


class Relay(threading.Thread):
    """Carries UDP between one agent and the daemon; `move` gives the agent a new source port, `cut` loses all.

    Every datagram takes `delay` seconds each way.
    """

    def __init__(self, daemon_address, delay=0.0):
        super().__init__(daemon=True)
        host, port = daemon_address.rsplit(":", 1)
        self.to = (host, int(port))
        self.inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.inside.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.inside.getsockname()[1]
        self.outside = self.dial()
        self.left = []  # closed at the end: the thread may be reading them
        self.agent = None
        self.ended = False
        self.cut = False
        self.delay = delay
        self.waiting = collections.deque()  # (due, socket, data, address)
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.ended = True
        self.join()
        for each in (self.inside, self.outside, *self.left):
            each.close()

    def dial(self):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("127.0.0.1", 0))
        return made

    def move(self):
        self.left.append(self.outside)
        self.outside = self.dial()
        return self.outside.getsockname()[1]

    def run(self):
        while not self.ended:
            outside = self.outside
            patience = self.waiting[0][0] - time.monotonic() if self.waiting else 0.05
            for ready in select.select([self.inside, outside], [], [], max(0, patience))[0]:
                with contextlib.suppress(OSError):
                    self.take(ready, outside)
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                _, to, data, address = self.waiting.popleft()
                with contextlib.suppress(OSError):
                    to.sendto(data, address)

    def take(self, ready, outside):
        if ready is self.inside:
            data, self.agent = self.inside.recvfrom(65536)
            to, address = outside, self.to
        else:
            data, to, address = outside.recv(65536), self.inside, self.agent
        if not self.cut and address:
            self.waiting.append((time.monotonic() + self.delay, to, data, address))


class Sandbox:
    """Use as a context: everything is killed and removed at the end."""

    def __init__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="tidegate-e2e-"))
        self.repo = ConfigRepo(self.root)
        self.daemon = Daemon(self.root, self.repo.remote)
        self.agents = {}

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            sys.stderr.write(f"--- tidegated\n{self.daemon.tail()}\n")
            for agent in self.agents.values():
                sys.stderr.write(f"--- agent {agent.name}\n{agent.tail(15)}\n")
        for process in [*self.agents.values(), self.daemon]:
            process.kill()
        for left in processes_of(str(self.root)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)
        shutil.rmtree(self.root, ignore_errors=True)

    def cli(self, *args, check=True, timeout=60):
        done = subprocess.run([str(BIN / "tidegate"), *args], text=True, capture_output=True,
                              timeout=timeout, env=os.environ | GIT_ENV | {"HOME": str(self.root)})
        if check and done.returncode != 0:
            raise AssertionError(f"tidegate {' '.join(args)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    @property
    def server(self):
        return f"http://{self.daemon.http_address}"

    def token(self, name, *flags):
        out = self.cli("enroll", name, "--data-dir", str(self.daemon.data), *flags).stdout
        file = self.root / f"token-{name}"
        file.write_text(out.strip().splitlines()[-1] + "\n")
        file.chmod(0o600)
        return file

    def agent(self, name, *flags, env=None):
        """Enrols and starts an agent, and waits until it is online."""
        agent = Agent(self.root, name, self.daemon)
        self.agents[name] = agent
        agent.start(*flags, token_file=self.token(name), env=env)
        return agent

    def online(self, *targets):
        for name in targets:
            wait(lambda: self.daemon.get(f"/api/release/targets/{name}/status")["status"] == "online",
                 f"target {name} to be online")
