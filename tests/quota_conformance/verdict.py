"""How a rule ends: quietly (it holds), or with one of these."""

from __future__ import annotations


class Fail(Exception):
    """The rule does not hold; the text says what was seen."""


class NotApplicable(Exception):
    """The rule cannot be asked of this server; the text says why."""


class OutOfTime(Exception):
    """The run's deadline has passed."""


class WrongUsage(Exception):
    """An adapter cannot start with the options it was given."""
