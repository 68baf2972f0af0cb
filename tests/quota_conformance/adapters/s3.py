"""Any S3 server: the limit is set and usage is read by commands the user gives. They find the bucket in `$BUCKET` and
the limit in `$BYTES` (0: no limit); the one that reads prints the bytes and, where it knows it, the number of objects.
"""

from __future__ import annotations

from typing import Optional

from ..verdict import WrongUsage
from .base import Adapter, Usage, run


class S3(Adapter):
    scheme = "v4"

    @classmethod
    def add_options(cls, parser):
        parser.add_argument("--set-limit", metavar="COMMAND", help="sets the limit of $BUCKET to $BYTES (0: none)")
        parser.add_argument("--read-usage", metavar="COMMAND", help="prints bytes [objects] of $BUCKET")
        parser.add_argument("--granule", type=int, default=1, help="bytes that sizes count in (%(default)s)")

    def start(self):
        super().start()
        if not self.options.set_limit or not self.options.read_usage:
            raise WrongUsage("the adapter s3 needs --set-limit and --read-usage")
        self.granule = self.options.granule

    def set_limit(self, bucket: str, limit: Optional[int]):
        run(self.options.set_limit, "--set-limit", {"BUCKET": bucket, "BYTES": str(limit or 0)})

    def usage(self, bucket: str) -> Usage:
        printed = run(self.options.read_usage, "--read-usage", {"BUCKET": bucket}).split()
        return Usage(int(printed[0]), int(printed[1]) if len(printed) > 1 else None)
