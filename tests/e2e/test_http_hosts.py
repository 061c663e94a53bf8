"""The status endpoint as its operator set it up: under which names it answers, and whether it shows values."""

import unittest

import layouts
from harness import Sandbox, wait

VALUES = "/api/release/projects/app/variables"


class HttpHostsTest(unittest.TestCase):
    def setUp(self):
        self.box = self.enterContext(Sandbox())
        files = layouts.repo(self.box.root)
        files["projects/app.yaml"] += "variables: {A: hunter2}\n"
        self.box.repo.commit(files, "first")

    def start(self, *flags):
        self.box.daemon.start(*flags)
        wait(lambda: self.box.daemon.get(VALUES)["items"], "the project")

    def asked_as(self, host):
        return self.box.daemon.request("GET", VALUES, headers={"Host": host})

    def test_by_itself_it_answers_to_its_own_names_and_hides_values(self):
        self.start()
        for host in ("evil.example", "gate.example"):
            status, _, body = self.asked_as(host)
            self.assertEqual(status, 421, host)
            self.assertNotIn('"A"', body)
        for host in ("127.0.0.1", "localhost", "[::1]:80"):
            status, _, body = self.asked_as(host)
            self.assertEqual(status, 200, host)
            self.assertNotIn("hunter2", body)

    def test_an_operator_may_name_it_and_show_values(self):
        self.start("--http-host", "gate.example", "--http-show-values")
        self.assertEqual(self.asked_as("evil.example")[0], 421)
        status, _, body = self.asked_as("gate.example:443")
        self.assertEqual(status, 200)
        self.assertIn("hunter2", body)


if __name__ == "__main__":
    unittest.main()
