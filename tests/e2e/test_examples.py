"""The config repos under examples/, as they are but for the folders of their hosts."""

import pathlib
import re
import unittest

from harness import Sandbox, wait

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
HOSTS = ("web-1", "web-2", "web-3", "web-4", "web-5")
VERSION = "versions/careful/shop-web.yaml"


class CanaryTest(unittest.TestCase):
    def setUp(self):
        box = self.box = self.enterContext(Sandbox())
        example = EXAMPLES / "canary"
        files = {str(file.relative_to(example)): file.read_text().replace("/opt/canary", f"{box.root}/hosts")
                 for file in example.rglob("*") if file.is_file()}
        box.repo.commit(files, "first")
        box.daemon.start()
        for name in HOSTS:
            box.agent(name)
        self.promote("--full")
        self.everywhere("1.0.0")

    def promote(self, *how):
        self.box.cli("promote", "shop-web", "careful", "--repo", str(self.box.repo.remote), *how)

    def everywhere(self, value):
        def there():
            seen = self.box.daemon.assignment("careful", "shop-web")
            return seen["sync"] == "in_sync" and seen["desired"]["version"] == value
        wait(there, f"{value} everywhere")

    def push(self, value):
        repo = self.box.repo
        repo.pull()
        text = (repo.clone / VERSION).read_text()
        kept = re.sub(r"^(version|promote):.*\n( .*\n)*", "", text, flags=re.M)  # the promote was for another
        repo.commit({VERSION: f"{kept}version: {value}\n"}, value)

    def read(self, name, file):
        return (self.box.root / "hosts" / name / "shop-web" / file).read_text().split()

    def ran(self, value):
        """Who ever had it, by what the install script wrote there."""
        return {name for name in HOSTS if value in self.read(name, "history")}

    def watched(self, value, entry):
        def over():
            item = next(r for r in self.box.daemon.releases() if r["to"] == value)
            return any(step["kind"] == "verify" and step["entry"] == entry and step["finished_at"]
                       for step in self.box.daemon.release(item["id"])["steps"])
        wait(over, f"the end of entry {entry}'s watch")

    def test_a_good_version_goes_on_by_promotes_and_a_bad_one_stays_with_the_canary(self):
        self.push("1.1.0")
        self.watched("1.1.0", 1)
        self.assertEqual(self.ran("1.1.0"), set(HOSTS[:1]))
        self.promote("--step", "1")
        self.watched("1.1.0", 2)
        self.assertEqual(self.ran("1.1.0"), set(HOSTS[:3]))
        self.promote("--step", "2")
        self.everywhere("1.1.0")
        self.assertEqual(self.ran("1.1.0"), set(HOSTS))

        self.push("2.0.0-bad")
        wait(lambda: self.box.daemon.releases(status="rollback"), "the rollback")
        wait(lambda: "Tidegate-Rollback: " in self.box.repo.message(), "the revert")
        self.everywhere("1.1.0")
        self.assertEqual(self.ran("2.0.0-bad"), set(HOSTS[:1]))
        self.assertEqual({tuple(self.read(name, "version")) for name in HOSTS}, {("1.1.0",)})


if __name__ == "__main__":
    unittest.main()
