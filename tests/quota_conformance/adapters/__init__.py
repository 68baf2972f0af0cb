"""The adapters by name. A new one is a module here and a line in `ADAPTERS`."""

from .base import Adapter, Credentials, Usage
from .model import ModelServer
from .obs_gateway import ObsGateway
from .rgw import Rgw
from .s3 import S3

ADAPTERS = {"model": ModelServer, "obs_gateway": ObsGateway, "rgw": Rgw, "s3": S3}

__all__ = ["ADAPTERS", "Adapter", "Credentials", "Usage"]
