"""The config repos under examples/, as they are but for the folders and ports of their hosts."""

import collections
import contextlib
import http.client
import pathlib
import re
import shutil
import signal
import threading
import unittest

from harness import Process, Sandbox, free_port, wait

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


class Example(unittest.TestCase):
    """One of them, its first version everywhere."""

    name = environment = None
    hosts = ()  # agents of what is deployed to

    def setUp(self):
        self.box = self.enterContext(Sandbox())
        self.edits = {f"/opt/{self.name}": f"{self.box.root}/hosts"}
        self.prepare()
        example = EXAMPLES / self.name
        files = {str(file.relative_to(example)): self.edited(file)
                 for file in example.rglob("*") if file.is_file()}
        self.box.repo.commit(files, "first")
        self.box.daemon.start()
        self.start_agents()
        for name in self.hosts:
            self.box.agent(name)

    def prepare(self):
        """May add to `edits`."""

    def start_agents(self):
        """Of hosts that nothing is deployed to."""

    def edited(self, file):
        text = file.read_text()
        for there, here in self.edits.items():
            text = text.replace(there, here)
        return text

    def promote(self, *how):
        self.box.cli("promote", "shop-web", self.environment, "--repo", str(self.box.repo.remote), *how)

    def everywhere(self, value):
        def there():
            seen = self.box.daemon.assignment(self.environment, "shop-web")
            return seen["sync"] == "in_sync" and seen["desired"]["version"] == value
        wait(there, f"{value} everywhere", seconds=150)

    def push(self, value):
        repo = self.box.repo
        repo.pull()
        path = f"versions/{self.environment}/shop-web.yaml"
        text = (repo.clone / path).read_text()
        kept = re.sub(r"^(version|promote):.*\n( .*\n)*", "", text, flags=re.M)  # the promote was for another
        repo.commit({path: f"{kept}version: {value}\n"}, value)

    def taken_back(self, value):
        wait(lambda: any(each["to"] == value for each in self.box.daemon.releases(status="rollback")),
             f"the rollback of {value}")
        wait(lambda: "Tidegate-Rollback: " in self.box.repo.message(), "the revert")


class CanaryTest(Example):
    name = "canary"
    environment = "careful"
    hosts = ("web-1", "web-2", "web-3", "web-4", "web-5")
    entries = (1, 3, 5)  # how many hosts have the new version after each

    def setUp(self):
        super().setUp()
        self.promote("--full")
        self.everywhere("1.0.0")

    def read(self, name, file):
        return (self.box.root / "hosts" / name / "shop-web" / file).read_text().split()

    def ran(self, value):
        """Who ever had it, by what the install script wrote there."""
        return {name for name in self.hosts if value in self.read(name, "history")}

    def watched(self, value, entry):
        def over():
            item = next(r for r in self.box.daemon.releases() if r["to"] == value)
            return any(step["kind"] == "verify" and step["entry"] == entry and step["finished_at"]
                       for step in self.box.daemon.release(item["id"])["steps"])
        wait(over, f"the end of entry {entry}'s watch")

    def test_a_good_version_goes_on_by_promotes_and_a_bad_one_stays_with_the_first(self):
        first, second, _ = self.entries
        self.push("1.1.0")
        self.watched("1.1.0", 1)
        self.assertEqual(self.ran("1.1.0"), set(self.hosts[:first]))
        self.promote("--step", "1")
        self.watched("1.1.0", 2)
        self.assertEqual(self.ran("1.1.0"), set(self.hosts[:second]))
        self.promote("--step", "2")
        self.everywhere("1.1.0")
        self.assertEqual(self.ran("1.1.0"), set(self.hosts))

        self.push("2.0.0-bad")
        self.taken_back("2.0.0-bad")
        self.everywhere("1.1.0")
        self.assertEqual(self.ran("2.0.0-bad"), set(self.hosts[:first]))
        self.assertEqual({tuple(self.read(name, "version")) for name in self.hosts}, {("1.1.0",)})


class ClustersTest(CanaryTest):
    name = "clusters"
    environment = "prod"
    hosts = ("eu-1", "eu-2", "us-1", "us-2", "us-3")
    entries = (2, 3, 5)

    def promote(self, *how):
        super().promote(*how, "--author", "Lena Lead <lead@example.com>")

    def test_nobody_lets_what_they_wrote_themselves_into_us(self):
        self.push("1.1.0")
        self.watched("1.1.0", 1)
        written = self.box.cli("promote", "shop-web", "prod", "--repo", str(self.box.repo.remote), "--full",
                               "--author", "Alice <alice@example.com>")
        words = "alice@example.com is an author of the change"
        self.assertIn(words, written.stderr)
        wait(lambda: any(words in hold["reason"] for hold in self.box.daemon.assignment("prod", "shop-web")["holds"]),
             "the hold")
        self.assertEqual(self.ran("1.1.0"), {"eu-1", "eu-2"})
        self.promote("--step", "1")
        self.watched("1.1.0", 2)
        self.assertEqual(self.ran("1.1.0"), {"eu-1", "eu-2", "us-1"})


class Load(threading.Thread):
    """Asks again and again, and counts who answered. Nobody may wait for it for ever."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port
        self.answers = collections.Counter()
        self.failures = []
        self.ended = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()

    def run(self):
        while not self.ended.wait(0.005):
            try:
                self.answers[ask(self.port)] += 1
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.failures.append(repr(error))

    def goes_on(self, requests=50):
        """Waits until so many more were answered."""
        enough = self.answers.total() + requests
        wait(lambda: self.answers.total() >= enough, f"{requests} more answers")


def ask(port):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(link):
        link.request("GET", "/")
        answer = link.getresponse()
        body = answer.read().decode().strip()
        if answer.status != 200:
            raise ValueError(f"{answer.status} {body}")
        return body


@unittest.skipUnless(shutil.which("haproxy"), "no haproxy here")
class Balanced(Example):
    """Behind a real HAProxy."""

    environment = "shop"
    ports = ()  # of the servers, as the example has them

    def prepare(self):
        run = self.box.root / "haproxy"
        run.mkdir()
        self.port = free_port()
        self.edits |= {"/run/haproxy": str(run), "/var/lib/haproxy": str(run), "18080": str(self.port)}
        for port in self.ports:
            self.edits[port] = str(free_port())
        for file in (EXAMPLES / self.name / "balancer").iterdir():
            (run / file.name).write_text(self.edited(file))
        self.balancer = Process(run / "haproxy.log")
        self.balancer.launch(["haproxy", "-W", "-db", "-f", str(run / "haproxy.cfg")])
        self.addCleanup(self.balancer.stop)

    def start_agents(self):
        self.box.agent("lb-1", "--config", str(self.box.root / "haproxy" / "agent.yaml"))


class BlueGreenTest(Balanced):
    name = "blue-green"
    hosts = ("web-1", "web-2")
    ports = ("18101", "18102", "18201", "18202")

    def folder(self, host, slot):
        return self.box.root / "hosts" / host / f"shop-web-{slot}"

    def slots_left(self, slot):
        """The other one goes after keep_old."""
        def gone():
            other = "green" if slot == "blue" else "blue"
            return (all(self.folder(host, slot).exists() for host in self.hosts)
                    and not any(self.folder(host, other).exists() for host in self.hosts))
        wait(gone, f"{slot} to be alone")

    def reload(self):
        """The state file is as new as the last change; a reload keeps to it."""
        loaded = self.balancer.text().count("New worker")
        self.balancer.signal(signal.SIGUSR2)
        wait(lambda: self.balancer.text().count("New worker") > loaded, "a new worker of HAProxy")

    def test_no_request_fails_while_traffic_moves_and_a_bad_version_is_taken_back(self):
        self.everywhere("1.0.0")
        wait(lambda: ask(self.port) == "1.0.0", "1.0.0 behind HAProxy")
        self.slots_left("blue")
        with Load(self.port) as load:
            self.push("1.1.0")
            self.everywhere("1.1.0")
            before = load.answers["1.0.0"]
            load.goes_on()
            self.assertEqual(load.answers["1.0.0"], before, "all of the traffic moved")
            self.assertGreater(load.answers["1.1.0"], 0)
            self.slots_left("green")

            self.push("2.0.0-bad")
            self.taken_back("2.0.0-bad")
            self.everywhere("1.1.0")
            bad = load.answers["2.0.0-bad"]
            load.goes_on()
            self.assertEqual(load.answers["2.0.0-bad"], bad, "all of the traffic is back")
            self.assertGreater(bad, 0, "it turned bad under traffic")
            self.assertLess(bad, load.answers.total() / 2)
            self.slots_left("green")
        self.assertEqual(load.failures, [])
        self.assertEqual(set(load.answers), {"1.0.0", "1.1.0", "2.0.0-bad"})

    def test_the_switch_goes_on_after_a_kill_of_the_daemon_and_outlives_a_reload_of_haproxy(self):
        self.everywhere("1.0.0")
        wait(lambda: ask(self.port) == "1.0.0", "1.0.0 behind HAProxy")
        with Load(self.port) as load:
            self.push("1.1.0")
            wait(lambda: load.answers["1.1.0"], "the first requests of 1.1.0")
            self.box.daemon.kill()
            load.goes_on()
            self.box.daemon.start()
            self.everywhere("1.1.0")
            load.goes_on()
            before = load.answers["1.0.0"]
            self.reload()
            load.goes_on(200)
            self.assertEqual(load.answers["1.0.0"], before)
        self.assertEqual(load.failures, [])


WEIGH = """
import socket, sys
link = socket.socket(socket.AF_UNIX)
link.connect({socket!r})
link.sendall(b"show servers state shop\\n")
rows = [row.split() for row in link.makefile().read().splitlines()]
names = next(row[1:] for row in rows if row[:2] == ["#", "be_id"])
name, weight = names.index("srv_name"), names.index("srv_uweight")
weights = {{row[name]: int(row[weight]) for row in rows if len(row) > weight and row[0] != "#"}}
with open({log!r}, "a") as log:
    print(weights.pop(sys.argv[1]), *weights.values(), file=log)
"""


class DrainTest(Balanced):
    name = "drain"
    hosts = ("web-1", "web-2", "web-3")
    ports = ("18101", "18102", "18103")

    def prepare(self):
        super().prepare()
        weigh, self.log = self.box.root / "weigh.py", self.box.root / "weights"
        weigh.write_text(WEIGH.format(socket=str(self.box.root / "haproxy" / "admin.sock"), log=str(self.log)))
        # Each install_script notes what the balancer gives its own host, and the others.
        self.edits["set -eu"] = f'set -eu\n      python3 {weigh} "$TARGET_NAME"'

    def weights(self):
        """Since the last call: the own one, and the others, of each script that ran."""
        lines = [tuple(int(word) for word in line.split()) for line in self.log.read_text().splitlines()]
        self.log.write_text("")
        return lines

    def succeeded(self, value):
        wait(lambda: any(each["to"] == value for each in self.box.daemon.releases(status="success")),
             f"the end of {value}")

    def test_no_request_fails_while_each_host_is_changed_and_a_bad_version_answers_nobody(self):
        self.succeeded("1.0.0")
        self.assertEqual([own for own, *_ in self.weights()], [0, 0, 0])
        with Load(self.port) as load:
            load.goes_on()
            self.push("1.1.0")
            self.succeeded("1.1.0")
            self.assertEqual(self.weights(), [(0, 100, 100)] * 3, "drained, and the one before it is ready")
            before = load.answers["1.0.0"]
            load.goes_on()
            self.assertEqual(load.answers["1.0.0"], before)

            self.push("2.0.0-bad")
            self.taken_back("2.0.0-bad")
            self.everywhere("1.1.0")
            self.assertEqual(self.weights(), [(0, 100, 100)] * 2, "the bad one, and the way back")
            load.goes_on()
        self.assertEqual(load.failures, [])
        self.assertEqual(set(load.answers), {"1.0.0", "1.1.0"})


if __name__ == "__main__":
    unittest.main()
