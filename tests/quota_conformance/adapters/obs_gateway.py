"""obs-gateway: the limit is set by `PUT ?quota`, usage is read by `GET ?storageinfo`. Started here from `--binary`,
in a temporary folder and on ports the kernel chooses, or running already at `--endpoint`.

Accounts and limits of the number of objects have no request in OBS. They are made by the command line tools of the
same binary, which need the console listener and the root account's keys.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import signal
import subprocess
import tempfile
import threading
from typing import IO, Optional

from ..client import Client, Endpoint
from ..verdict import NotApplicable, WrongUsage
from .base import Adapter, Credentials, Usage

START_SECONDS_MAX = 60
TOOL_SECONDS_MAX = 60
ROOT_VARIABLES = ("OBS_GATEWAY_ROOT_ACCESS_KEY", "OBS_GATEWAY_ROOT_SECRET_KEY")


class ObsGateway(Adapter):
    scheme = "obs"
    append = "obs"

    @classmethod
    def add_options(cls, parser):
        parser.add_argument("--binary", metavar="PATH", help="starts this gateway, unless there is an --endpoint")
        variables = " and ".join(ROOT_VARIABLES)
        parser.add_argument(
            "--console",
            metavar="IP:PORT",
            help=f"console listener of the gateway at --endpoint; with --binary and {variables} R16 and R17 apply",
        )

    def start(self):
        self._process: Optional[subprocess.Popen] = None
        self._folder: Optional[tempfile.TemporaryDirectory] = None
        self._console = self.options.console
        if self.options.endpoint or not self.options.binary:
            super().start()
            self._root = [os.environ.get(name, "") for name in ROOT_VARIABLES]
            return
        if self._console:
            raise WrongUsage("--console goes with --endpoint")
        self._folder = tempfile.TemporaryDirectory(prefix="quota-conformance-")
        self.credentials = Credentials("QUOTACONFORMANCE0001", secrets.token_hex(20))
        self._root = [self.credentials.access_key, self.credentials.secret_key]
        self._launch()

    def stop(self):
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def set_limit(self, bucket: str, limit: Optional[int]):
        document = f"<Quota><StorageQuota>{limit or 0}</StorageQuota></Quota>".encode()
        digest = base64.b64encode(hashlib.md5(document).digest()).decode()
        headers = {"content-type": "application/xml", "content-md5": digest}
        reply = self.client().request("PUT", f"/{bucket}", {"quota": None}, headers, document)
        if not reply.ok:
            raise RuntimeError(f"PUT ?quota answered {reply}")

    def set_object_limit(self, bucket: str, limit: int):
        self._tool("quota", "set", bucket, "0", "--objects", str(limit))

    def make_account(self) -> Credentials:
        name = "quota-" + secrets.token_hex(4)
        self._tool("account", "create", name)
        key = self._tool("key", "create", "--account", name)
        return Credentials(key["access_key"], key["secret_key"], name)

    def set_account_limit(self, account: Credentials, limit: int):
        self._tool("account", "limit", account.account, "--capacity", str(limit))

    def account_usage(self, account: Credentials, buckets: list[str]) -> Usage:
        # Not the account's own counter, which is what the gateway tests the limit against.
        return Usage(sum(self._storage_info(self.client(account), bucket).size for bucket in buckets))

    def remove_account(self, account: Credentials):
        self._tool("account", "deregister", account.account)

    def usage(self, bucket: str) -> Usage:
        return self._storage_info(self.client(), bucket)

    @staticmethod
    def _storage_info(client: Client, bucket: str) -> Usage:
        reply = client.request("GET", f"/{bucket}", {"storageinfo": None})
        if not reply.ok:
            raise RuntimeError(f"GET ?storageinfo answered {reply}")
        return Usage(int(reply.tag("Size")), int(reply.tag("ObjectNumber")))

    def restarter(self):
        if self._process is None:
            return super().restarter()
        return self._restart

    def _restart(self):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._launch()

    def _tool(self, *arguments: str) -> dict:
        """What a command of the gateway's binary answers."""
        if not self.options.binary or not self._console or not all(self._root):
            needed = ", ".join(["--binary", "--console", *ROOT_VARIABLES])
            raise NotApplicable(f"set by the gateway's command line, which needs {needed}")
        command = "obs-gateway " + " ".join(arguments[:2])
        try:
            done = self._run_tool([*arguments, "--json", "--console", self._console])
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{command} did not end within {TOOL_SECONDS_MAX} s") from None
        if done.returncode != 0:
            raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr.strip()[:200]}")
        return json.loads(done.stdout)

    def _run_tool(self, arguments: list[str]) -> subprocess.CompletedProcess:
        return subprocess.run(
            [os.path.abspath(self.options.binary), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._folder and self._folder.name,
            env=self._environment(),
            text=True,
            timeout=TOOL_SECONDS_MAX,
            check=False,
        )

    def _environment(self) -> dict[str, str]:
        """The gateway's: the root account's keys, and no other setting of whoever runs the suite."""
        others = {name: value for name, value in os.environ.items() if not name.startswith("OBS_GATEWAY_")}
        return {**others, **dict(zip(ROOT_VARIABLES, self._root))}

    def _launch(self):
        folder = self._folder.name
        flags = ["--data", os.path.join(folder, "data"), "--listen", "127.0.0.1:0", "--console-listen", "127.0.0.1:0"]
        log = os.path.join(folder, "log")
        with open(log, "ab") as errors:
            self._process = subprocess.Popen(
                [os.path.abspath(self.options.binary), "serve", *flags],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=folder,
                env=self._environment(),
                text=True,
            )
        # A gateway that never says where it listens is ended, which ends the loop.
        watchdog = threading.Timer(START_SECONDS_MAX, self._process.kill)
        watchdog.start()
        output = self._process.stdout
        data = self._told(output, "listening data ")
        console = self._told(output, "listening console ")
        watchdog.cancel()
        if not data or not console:
            with open(log, encoding="utf-8", errors="replace") as errors:
                raise RuntimeError("the gateway did not start:\n" + errors.read()[-2000:])
        self.endpoint = Endpoint(data)
        self._console = console.removeprefix("http://")
        # What it prints later is read away, or it would one day wait for a reader.
        threading.Thread(target=lambda: list(output), daemon=True).start()

    @staticmethod
    def _told(output: IO[str], what: str) -> str:
        """The rest of the next line that begins so, or an empty string when there is none."""
        return next((line[len(what) :].strip() for line in output if line.startswith(what)), "")
