"""The real executable, run for the tests: start, the CLI beside it, stop. Nothing here knows the SDK."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

START_SECONDS = 60
STOP_SECONDS = 30

ROOT_ACCESS_KEY = "ROOTACCESSKEY0000001"
ROOT_SECRET_KEY = "root-secret-key-of-the-sdk-suites-000001"

LISTENING = re.compile(r"^listening (data|console) http://127\.0\.0\.1:(\d+)$", re.MULTILINE)


class Gateway:
    """One running `obs-gateway serve`, on ports of the kernel's choice, over a data folder of its own, with the default
    of every other setting that `settings` does not name."""

    def __init__(self, folder: Path, **settings: str):
        self.binary = Path(os.environ.get("OBS_GATEWAY_BIN", "target/debug/obs-gateway")).resolve()
        self.data = folder / "data"
        self.stdout = folder / "stdout"
        self.stderr = folder / "stderr"
        # Settings of whoever runs the tests must not reach the gateway.
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("OBS_GATEWAY_")}
        self.environment |= {
            "OBS_GATEWAY_DATA": str(self.data),
            "OBS_GATEWAY_LISTEN": "127.0.0.1:0",
            "OBS_GATEWAY_CONSOLE_LISTEN": "127.0.0.1:0",
            "OBS_GATEWAY_DOMAIN": "obs.localhost",
            "OBS_GATEWAY_REGION": "region-1",
            "OBS_GATEWAY_ROOT_ACCESS_KEY": ROOT_ACCESS_KEY,
            "OBS_GATEWAY_ROOT_SECRET_KEY": ROOT_SECRET_KEY,
        }
        self.environment |= {f"OBS_GATEWAY_{name.upper()}": value for name, value in settings.items()}
        # Files, not pipes: a pipe nobody reads fills up and stops the gateway.
        with self.stdout.open("wb") as out, self.stderr.open("wb") as err:
            self.process = subprocess.Popen(
                [self.binary, "serve"],
                env=self.environment,
                cwd=folder,  # an obs-gateway.toml of the checkout is not the tests'
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        ports = self._await_ports()
        self.port = ports["data"]
        self.environment["OBS_GATEWAY_CONSOLE_LISTEN"] = f"127.0.0.1:{ports['console']}"

    def _await_ports(self) -> dict:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            ports = {name: int(port) for name, port in LISTENING.findall(self.stdout.read_text())}
            if {"data", "console"} <= ports.keys():
                return ports
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.process.kill()
        self.process.wait()
        raise RuntimeError(f"{self.binary} did not start:\n{self.output()}")

    def output(self) -> str:
        """What the gateway has printed so far, for messages."""
        return f"--- stdout\n{self.stdout.read_text()}--- stderr\n{self.stderr.read_text()}"

    def stop(self) -> None:
        """SIGTERM, and the gateway has to leave by itself, with exit code 0."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the gateway ignored SIGTERM for {STOP_SECONDS} s:\n{self.output()}") from None
        assert code == 0, f"the gateway left with {code}:\n{self.output()}"

    def cli(self, *arguments: str, text: str | None = None) -> str:
        """Runs a subcommand against this gateway, with `text` to read if it wants to, and returns what it prints."""
        done = subprocess.run(
            [self.binary, *arguments],
            env=self.environment,
            cwd=self.data.parent,
            input=text or "",
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"obs-gateway {' '.join(arguments)} left with {done.returncode}:\n{done.stderr}"
        return done.stdout

    def metrics(self) -> str:
        """What `/metrics` shows now."""
        console = self.environment["OBS_GATEWAY_CONSOLE_LISTEN"]
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{console}/metrics") as reply:
            return reply.read().decode()

    def create_account(self, name: str) -> tuple[str, str]:
        """Makes an account and a key for it; returns access key and secret key."""
        self.cli("account", "create", name)
        key = json.loads(self.cli("key", "create", "--account", name, "--json"))
        return key["access_key"], key["secret_key"]

    def temporary_key(self, account: str, policy: dict | None = None) -> dict:
        """Makes a key for the account that lasts for a while, and may no more than `policy` allows."""
        narrowing = ["--policy", "-"] if policy else []
        made = self.cli("key", "temporary", "--account", account, *narrowing, "--json", text=json.dumps(policy or {}))
        return json.loads(made)
