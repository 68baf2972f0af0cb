"""obs-gateway: the limit is set by `PUT ?quota`, usage is read by `GET ?storageinfo`. Started here from `--binary`,
in a temporary folder and on ports the kernel chooses, or running already at `--endpoint`.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import signal
import subprocess
import tempfile
import threading
from typing import Optional

from ..client import Endpoint
from .base import Adapter, Credentials, Usage

START_SECONDS_MAX = 60


class ObsGateway(Adapter):
    scheme = "obs"
    append = "obs"

    @classmethod
    def add_options(cls, parser):
        parser.add_argument("--binary", metavar="PATH", help="starts this gateway in a temporary folder")

    def start(self):
        self._process: Optional[subprocess.Popen] = None
        if not self.options.binary:
            super().start()
            return
        self._folder = tempfile.TemporaryDirectory(prefix="quota-conformance-")
        self.credentials = Credentials("QUOTACONFORMANCE0001", secrets.token_hex(20))
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

    def usage(self, bucket: str) -> Usage:
        reply = self.client().request("GET", f"/{bucket}", {"storageinfo": None})
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

    def _launch(self):
        folder = self._folder.name
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OBS_GATEWAY_")}
        environment["OBS_GATEWAY_ROOT_ACCESS_KEY"] = self.credentials.access_key
        environment["OBS_GATEWAY_ROOT_SECRET_KEY"] = self.credentials.secret_key
        flags = ["--data", os.path.join(folder, "data"), "--listen", "127.0.0.1:0", "--console-listen", "127.0.0.1:0"]
        log = os.path.join(folder, "log")
        with open(log, "ab") as errors:
            self._process = subprocess.Popen(
                [os.path.abspath(self.options.binary), "serve", *flags],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=folder,
                env=environment,
                text=True,
            )
        # A gateway that never says where it listens is ended, which ends the loop.
        watchdog = threading.Timer(START_SECONDS_MAX, self._process.kill)
        watchdog.start()
        output = self._process.stdout
        listening = next((line for line in output if line.startswith("listening data ")), None)
        watchdog.cancel()
        if listening is None:
            with open(log, encoding="utf-8", errors="replace") as errors:
                raise RuntimeError("the gateway did not start:\n" + errors.read()[-2000:])
        self.endpoint = Endpoint(listening.split()[2])
        # What it prints later is read away, or it would one day wait for a reader.
        threading.Thread(target=lambda: list(output), daemon=True).start()
