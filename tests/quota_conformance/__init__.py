"""A conformance suite for storage quotas: point it at an S3 or OBS endpoint and it tells whether a limit is a limit.

`README.md` says how to run it and how to write an adapter.
"""
