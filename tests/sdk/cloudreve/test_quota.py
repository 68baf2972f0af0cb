"""The quota as cloudreve-cli shows it, a client nobody here wrote: it signs in and prints the numbers of
`GET /user/capacity`. They are the sum of `?storageinfo` over the account's buckets."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))

from gateway import Gateway

CLIENT = os.environ["CLOUDREVE_CLI"]
BUCKETS = ("photos", "papers")

PACK_SECONDS = 10
EXPIRY_SECONDS = 60


class Quota(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="obs-gateway-cloudreve-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.gateway = Gateway(self.folder)
        self.addCleanup(lambda: self.gateway.stop())
        credentials = (self.folder / "data" / "root-credentials").read_text()
        self.email, self.password = (
            re.search(rf'^{name} = "(.*)"$', credentials, re.MULTILINE).group(1) for name in ("email", "password")
        )

    def run_client(self, *arguments):
        """Runs the client; its exit code and all it printed. The home is the test's: the client keeps its tokens there."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        console = self.gateway.environment["OBS_GATEWAY_CONSOLE_LISTEN"]
        done = subprocess.run(
            [CLIENT, "--url", f"http://{console}", "--email", self.email, *arguments],
            env={"PATH": os.environ["PATH"], "HOME": str(home)},
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout

    def sign_in(self):
        code, printed = self.run_client("auth", "--password", self.password)
        self.assertEqual(code, 0, printed)

    def quota(self):
        """Used, total and free bytes as the client prints them."""
        code, printed = self.run_client("user", "quota")
        self.assertEqual(code, 0, printed)
        return tuple(int(re.search(rf"{name}: .*\((\d+)\)", printed).group(1)) for name in ("Used", "Total", "Free"))

    def call(self, method, target, *arguments):
        url = f"http://127.0.0.1:{self.gateway.port}{target}"
        return self.gateway.cli("curl", method, url, "--silent", "--show-error", "--fail", *arguments)

    def put(self, target, size):
        body = self.folder / "body"
        body.write_bytes(b"x" * size)
        self.call("PUT", target, "--upload-file", str(body))

    def stored(self):
        """The sum of `?storageinfo`."""
        answers = [self.call("GET", f"/{bucket}?storageinfo") for bucket in BUCKETS]
        return sum(int(re.search(r"<Size>(\d+)</Size>", answer).group(1)) for answer in answers)

    def check(self, used, expected_total=None):
        shown, total, free = self.quota()
        self.assertEqual((shown, self.stored()), (used, used))
        self.assertEqual(free, max(0, total - used))
        if expected_total is not None:
            self.assertEqual(total, expected_total)

    def check_refused(self, target, size):
        """Puts what must not fit into the account."""
        body = self.folder / "body"
        body.write_bytes(b"x" * size)
        url = f"http://127.0.0.1:{self.gateway.port}{target}"
        answer = self.gateway.cli("curl", "PUT", url, "--silent", "--show-error", "--upload-file", str(body))
        self.assertIn("<Code>InsufficientStorageSpace</Code>", answer)
        self.assertIn("<Limit>AccountBytes</Limit>", answer)

    def add_pack(self, *arguments):
        """Adds a storage pack; its number."""
        account = json.loads(self.gateway.cli("pack", "add", "root", *arguments, "--json"))
        return account["packs"][-1]["id"]

    def test_the_client_shows_what_is_stored(self):
        self.sign_in()
        for bucket in BUCKETS:
            self.call("PUT", f"/{bucket}")
        self.check(0)
        self.put("/photos/a", 1000)
        self.check(1000)
        self.put("/papers/b", 300_000)
        self.check(301_000)
        self.put("/photos/a", 10)
        self.check(300_010)
        self.call("DELETE", "/papers/b")
        self.check(10)

    def test_packs_added_and_expired(self):
        self.sign_in()
        for bucket in BUCKETS:
            self.call("PUT", f"/{bucket}")
        self.gateway.cli("account", "limit", "root", "--capacity", "10000")
        self.put("/photos/a", 10_000)
        self.check(10_000, 10_000)
        self.check_refused("/papers/b", 1)
        # For good, until it is taken away; and one that has not begun.
        pack = self.add_pack("5000")
        self.add_pack("700", "--starts", "+1d")
        self.check(10_000, 15_000)
        self.put("/papers/b", 5000)
        self.check(15_000, 15_000)
        self.gateway.cli("pack", "remove", "root", str(pack))
        self.check(15_000, 10_000)
        self.check_refused("/papers/b", 5001)

        self.add_pack("6000", "--expires", f"+{PACK_SECONDS}s")
        self.check(15_000, 16_000)
        deadline = time.monotonic() + PACK_SECONDS + EXPIRY_SECONDS
        while (total := self.quota()[1]) != 10_000:
            self.assertEqual(total, 16_000, "all of the pack runs out at once")
            self.assertLess(time.monotonic(), deadline, "the pack did not run out")
            time.sleep(0.05)
        self.check(15_000, 10_000)
        self.check_refused("/photos/c", 1)
        # Nothing was deleted but what is deleted now.
        self.call("DELETE", "/papers/b")
        self.check(10_000, 10_000)
        self.gateway.cli("account", "limit", "root", "--capacity", "4000")
        self.check(10_000, 4000)
        self.gateway.cli("account", "limit", "root", "--capacity", "9007199254740991")
        self.check(10_000, 9_007_199_254_740_991)
        self.put("/photos/c", 1)
        self.check(10_001, 9_007_199_254_740_991)

    def test_a_kill_changes_neither_the_numbers_nor_the_sign_in(self):
        self.sign_in()
        for bucket in BUCKETS:
            self.call("PUT", f"/{bucket}")
        self.put("/photos/a", 1234)
        self.put("/papers/b", 100_000)
        self.gateway.process.kill()
        self.gateway.process.wait()
        self.gateway = Gateway(self.folder)
        # The client knows its tokens by the address it got them from, and the port is another one now.
        tokens = self.folder / "home" / ".cache" / "cloudreve-cli" / "tokens.json"
        self.assertTrue(tokens.exists())
        console = self.gateway.environment["OBS_GATEWAY_CONSOLE_LISTEN"]
        tokens.write_text(re.sub(r"127\.0\.0\.1:\d+", console, tokens.read_text()))
        self.check(101_234)

    def test_a_wrong_password_is_told_as_one(self):
        code, printed = self.run_client("auth", "--password", "wrong horse")
        self.assertNotEqual(code, 0)
        self.assertIn("Incorrect password or email address", printed)


if __name__ == "__main__":
    unittest.main()
