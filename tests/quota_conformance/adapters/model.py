"""The model: a server in this process that keeps every rule, or breaks one on purpose (`--fault`)."""

from __future__ import annotations

import itertools
from typing import Optional

from ..client import Endpoint
from ..model import FAULTS, Model, serve
from .base import Credentials
from .obs_gateway import ObsGateway


class ModelServer(ObsGateway):
    """Speaks as obs-gateway does; limits that OBS has no request for are set in the model itself."""

    _names = itertools.count(1)

    @classmethod
    def add_options(cls, parser):
        parser.add_argument("--fault", choices=sorted(FAULTS), default="", metavar="NAME", help="breaks a rule")

    def start(self):
        self._model = Model(self.options.fault)
        self.credentials = Credentials("model", "secret")
        self._open()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def _open(self):
        self._server = serve(self._model)
        self.endpoint = Endpoint(f"http://127.0.0.1:{self._server.server_port}")

    def set_object_limit(self, bucket: str, limit: int):
        self._model.buckets[bucket].object_limit = limit

    def make_account(self) -> Credentials:
        return Credentials(f"model-{next(self._names)}", "secret")

    def set_account_limit(self, account: Credentials, limit: Optional[int]):
        self._model.account_limits[account.access_key] = limit

    def remove_account(self, account: Credentials):
        self._model.account_limits.pop(account.access_key, None)

    def restarter(self):
        return self._restart

    def _restart(self):
        with self._model.lock:
            self._model.restart()
        self.stop()
        self._open()
