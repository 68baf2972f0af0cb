"""The suite itself, unpacked from the archive beside this file, and the Python packages it needs, in a virtual
environment of its own. Both live under `target/`; the packages are fetched once, the suite never."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

HERE = Path(__file__).parent
COMMIT = "8f0ae7b404a3a2fcf7038bf1e6bf29544fe9b6a3"
COMMIT_DATE = "7 May 2026"
NAME = f"ceph-s3-tests-{COMMIT[:7]}"
ARCHIVE = HERE / f"{NAME}.tar.gz"
ARCHIVE_SHA256 = "77d5e0061d9d1f75ae449c77d2bc3e9fd2de819119d87de88959d51fb436e72b"
FILES = (
    "test_s3.py",
    "test_headers.py",
    "test_iam.py",
    "test_s3select.py",
    "test_sns.py",
    "test_sts.py",
    "test_utils.py",
)

TEST_SECONDS_MAX = 300


class Suite:
    """`folder` is where everything of the suite goes: `suite/`, `venv/` and what the runs write."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.root = folder / NAME
        self.python = folder / "venv" / "bin" / "python"

    def prepare(self):
        """Unpacks and installs what is not there yet. The marks are written last: they say that a thing is whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        found = hashlib.sha256(ARCHIVE.read_bytes()).hexdigest()
        if found != ARCHIVE_SHA256:
            sys.exit(f"s3-tests: {ARCHIVE.name} has the SHA-256 {found}, not {ARCHIVE_SHA256}")
        # Always anew: what runs is what the archive holds, whatever somebody tried in the unpacked files.
        shutil.rmtree(self.root, ignore_errors=True)
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(self.folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        requirements = HERE / "requirements.txt"
        mark = self.folder / "installed"
        wanted = f"{sys.version}\n{requirements.read_text()}"
        if not mark.exists() or mark.read_text() != wanted:
            shutil.rmtree(self.folder / "venv", ignore_errors=True)
            venv.create(self.folder / "venv", with_pip=True)
            install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", requirements]
            subprocess.run([self.python, *install], check=True)
            mark.write_text(wanted)

    def collect(self, labs: Path, work: Path) -> dict[str, list[str]]:
        """Every test of the suite, with its markers."""
        results = work / "collected.json"
        done = self._pytest(labs, results, None, ["--collect-only", "-q", *self._paths(FILES)], capture_output=True)
        if done.returncode != 0:
            sys.exit(f"s3-tests: the suite could not be collected:\n{done.stdout}{done.stderr}")
        return json.loads(results.read_text())

    def run(self, labs: Path, work: Path, tests: list[str], jobs: int) -> dict[str, dict]:
        """Runs these tests, `jobs` at a time, and returns what became of each."""
        results, selected = work / "results.jsonl", work / "selected.txt"
        selected.write_text("\n".join(tests))
        files = sorted({test.partition("::")[0] for test in tests})
        # Every worker has a gateway of its own, for the suite removes the buckets of all its accounts after each test.
        arguments = ["-n", str(jobs), "--dist", "worksteal", "--tb=no", "--no-summary", "-q", *self._paths(files)]
        done = self._pytest(labs, results, selected, arguments)
        if done.returncode not in (0, 1) or not results.exists():
            sys.exit(f"s3-tests: pytest ended with {done.returncode}")
        return {(test := json.loads(line)).pop("test"): test for line in results.read_text().splitlines()}

    @staticmethod
    def _paths(files) -> list[str]:
        return [f"s3tests/functional/{file}" for file in files]

    def _pytest(self, labs: Path, results: Path, selected, arguments: list[str], **how):
        foreign = ("AWS_", "BOTO", "S3_", "S3TEST", "PYTEST", "OBS_GATEWAY_", "PYTHON")
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(foreign) and not name.lower().endswith("_proxy")
        }
        environment |= {
            "S3_TESTS_LABS": str(labs),
            "S3_TESTS_RESULTS": str(results),
            "PYTHONPATH": str(HERE),
            "PYTHONDONTWRITEBYTECODE": "1",
            # No settings, keys or roles of whoever runs this.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if selected:
            environment["S3_TESTS_SELECTED"] = str(selected)
        ours = ["-p", "plugin", "-p", "no:cacheprovider", "-W", "ignore", f"--timeout={TEST_SECONDS_MAX}"]
        command = [self.python, "-m", "pytest", *ours, *arguments]
        return subprocess.run(command, cwd=self.root, env=environment, text=True, check=False, **how)
