"""A real daemon with a swarm of enrolled agents: what rows 4 and 9 measure."""

import calendar
import json
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import frame
import harness

PROJECT = """\
apiVersion: tidegate/v1
kind: Project
name: app
deploy:
  type: script
  config:
    work_dir: "{root}/apps/${{TARGET_NAME}}"
    interpreter: /bin/bash
    install_script: "true"
"""
ENVIRONMENT = """\
apiVersion: tidegate/v1
kind: Environment
name: test
strategy: {{type: all_at_once}}
targets:
{targets}
"""
VERSION = """\
apiVersion: tidegate/v1
kind: Version
project: app
environment: test
version: {version}
"""


class Fleet:
    """Use as a context. Agents are called a-0000, a-0001, …, and serve a target of that name each."""

    def __init__(self, root, agents, scripts=True):
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.names = [f"a-{number:04}" for number in range(agents)]
        self.scripts = scripts
        self.repo = harness.ConfigRepo(root)
        self.daemon = harness.Daemon(root, self.repo.remote)
        self.swarm = None
        self.events = {}  # what the swarm said → when
        self.links_lost = 0
        self.changed = threading.Condition()

    def __enter__(self):
        self.repo.commit({
            "tidegate.yaml": "apiVersion: tidegate/v1\nkind: Repository\nname: bench\n",
            "projects/app.yaml": PROJECT.format(root=self.root),
            "environments/test.yaml": ENVIRONMENT.format(targets="\n".join(f"  - {{name: {n}}}" for n in self.names)),
        }, "A fleet")
        self.daemon.start()
        harness.wait(lambda: self.daemon.request("GET", "/readyz")[0] == 200, "the first commit to be accepted")
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            frame.note(self.daemon.tail())
        if self.swarm:
            self.swarm.kill()
            self.swarm.wait()
        self.daemon.kill()

    def tokens(self):
        """One for each agent, over the admin socket, as `tidegate enroll` asks for it."""
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(self.daemon.data / "run" / "admin.sock"))
            answers = link.makefile()
            for name in self.names:
                link.sendall(json.dumps({"verb": "enroll", "args": {"agent": name, "ttl": 3600}}).encode() + b"\n")
                yield json.loads(answers.readline())["result"]["token"]

    def connect(self):
        """Enrols and connects all. Most of the time goes into their keys' and journals' fsyncs, on one thread."""
        lines = "".join(f"{name} {token}\n" for name, token in zip(self.names, self.tokens()))
        host, port = self.daemon.agents_address.rsplit(":", 1)
        self.swarm = subprocess.Popen(
            [frame.BIN / "bench-swarm", "--server", host, "--port", port, "--data-dir", self.root / "agents",
             *([] if self.scripts else ["--no-scripts"])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.swarm.stdin.write(lines)
        self.swarm.stdin.close()
        threading.Thread(target=self.listen, daemon=True).start()
        self.wait_for("connected")

    def listen(self):
        for line in self.swarm.stdout:
            event = json.loads(line)
            with self.changed:
                self.events[event.get("applied", "connected")] = event["at"]
                self.links_lost = event.get("links_lost", 0)
                self.changed.notify_all()

    def wait_for(self, event, seconds=300):
        """When it happened, in Unix seconds."""
        with self.changed:
            if not self.changed.wait_for(lambda: event in self.events or self.swarm.poll() is not None, seconds):
                raise AssertionError(f"waited {seconds} s for the swarm to say {event}")
            if event not in self.events:
                raise AssertionError(f"the swarm ended with {self.swarm.returncode} before it said {event}")
            return self.events[event]

    def push(self, version):
        """From the daemon's accepting of a commit until every agent applied it and both ends have that on disk."""
        commit = self.repo.commit({"versions/test/app.yaml": VERSION.format(version=version)}, f"Version {version}")
        applied = self.wait_for(version)
        harness.wait(lambda: self.daemon.assignment("test", "app")["sync"] == "in_sync", "the release to end")
        return applied - self.accepted_at(commit)

    def accepted_at(self, commit):
        stamp = re.search(rf"^(\S+)\.(\d+)Z .*config: accepted {commit}", self.daemon.text(), re.M)
        return calendar.timegm(time.strptime(stamp[1], "%Y-%m-%dT%H:%M:%S")) + int(stamp[2]) / 1000
