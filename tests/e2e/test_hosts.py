"""What an agent's host allows, and what the scripts on it can reach."""

import json
import os
import pathlib
import pwd
import shutil
import tempfile
import unittest

import layouts
from harness import AGENT, Agent, Sandbox, wait


class HostsTest(unittest.TestCase):
    def setUp(self):
        self.box = self.enterContext(Sandbox())

    def place_of_nobody(self):
        """A data dir of nobody's, in a folder where only root may write: no temporary folder lies in one."""
        place = pathlib.Path(tempfile.mkdtemp(prefix="tidegate-", dir="/var"))
        self.addCleanup(shutil.rmtree, place)
        place.chmod(0o755)
        data = place / "data"
        data.mkdir()
        os.chown(data, pwd.getpwnam("nobody").pw_uid, -1)
        return data

    def start_as_nobody(self, data):
        """An agent that its user could have started, where the tests run as root."""
        box = self.box
        agent = box.agents["t1"] = Agent(box.root, "t1", box.daemon)
        agent.data = data
        self.addCleanup(agent.kill)  # before its folder goes
        agent.user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
        agent.program = shutil.copy(AGENT, box.root)
        box.root.chmod(0o1777)
        token = box.token("t1")
        if agent.user:
            os.chown(token, agent.user, -1)
        return agent, token

    def what_scripts_can_read(self, agent):
        """As the doctor says it."""
        out = self.box.cli("doctor", "--data-dir", str(agent.data), "--output", "json", check=False).stdout
        return next(c for c in json.loads(out)["checks"] if c["check"] == "scripts")

    def test_nobody_else_of_its_user_can_look_into_an_agent(self):
        """Its memory holds the key, and scripts may run as its user."""
        box = self.box
        box.repo.commit(layouts.repo(box.root), "first")
        box.daemon.start()
        agent, token = self.start_as_nobody(box.root / "data")
        agent.data.mkdir()
        if agent.user:
            os.chown(agent.data, agent.user, -1)
        agent.start(token_file=token)
        wait(lambda: os.stat(f"/proc/{agent.child.pid}/mem").st_uid == 0, "its memory to be root's alone")
        box.online("t1")

    @unittest.skipIf(os.geteuid() != 0, "only root makes a folder that an agent's user cannot move")
    def test_scripts_of_its_user_are_kept_from_its_key_or_it_says_what_they_can_read(self):
        box = self.box
        data = self.place_of_nobody()
        body = (f'echo "$0 $(cat {data}/pki/agent.key {data}/journal/* 2>/dev/null | wc -c)"'
                f' > {box.root}/looked-$APP_VERSION')
        box.repo.commit(layouts.repo(box.root, body=body), "first")
        box.daemon.start()
        agent, token = self.start_as_nobody(data)
        config = data.parent / "agent.yaml"
        config.write_text("allow_sudo: false\n")
        agent.start("--config", str(config), token_file=token)
        wait(lambda: box.daemon.assignment("test", "app")["sync"] == "in_sync", "in sync")
        if "has no Landlock" in agent.text():
            self.skipTest("no Landlock here")
        script, read = (box.root / "looked-1.0.0").read_text().split()
        self.assertTrue(script.startswith("/tmp/script-"), script)
        self.assertEqual(read, "0")
        self.assertNotIn("scripts can read", agent.text())
        self.assertEqual(self.what_scripts_can_read(agent)["state"], "good")

        self.assertEqual(agent.stop(), 0)
        agent.start()
        words = f"scripts can read the agent's key and journal in {data}"
        wait(lambda: words in agent.text(), "the start to say it")
        self.assertTrue(self.what_scripts_can_read(agent)["found"].startswith(words))
        box.repo.commit({"versions/test/app.yaml": layouts.version("1.1.0")}, "1.1.0")
        wait(lambda: int((box.root / "looked-1.1.0").read_text().split()[1]) > 0, "a script to read them")

    def test_what_a_host_forbids_waits_and_is_not_taken_back(self):
        box = self.box
        config = box.root / "agent.yaml"
        config.write_text("projects: [another]\n")
        box.repo.commit(layouts.repo(box.root), "first")
        box.daemon.start()
        agent = box.agent("t1", "--config", str(config))
        words = "agent.yaml does not allow project 'app'"
        held = lambda: [h for h in box.daemon.assignment("test", "app")["holds"] if h["gate"] == "host"]
        self.assertEqual(wait(held, "the hold")[0]["reason"], f"t1: {words}")
        target = box.daemon.get("/api/release/targets/t1/status")
        self.assertEqual([t["reason"] for t in target["host_trouble"]], [words])
        self.assertIn(f'reason="{words}"', box.daemon.request("GET", "/metrics")[2])
        self.assertIn("host trouble", box.daemon.request("GET", "/")[2])
        self.assertEqual(agent.stop(), 0)
        config.write_text("projects: [app]\n")
        agent.start("--config", str(config))
        wait(lambda: box.daemon.assignment("test", "app")["sync"] == "in_sync", "in sync")
        self.assertEqual(box.repo.log("%s"), ["first"])
        self.assertNotIn("host_trouble", box.daemon.get("/api/release/targets/t1/status"))


if __name__ == "__main__":
    unittest.main()
