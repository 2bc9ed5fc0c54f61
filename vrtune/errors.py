"""What vrtune tells a user who can mend it: one sentence, no traceback."""

from __future__ import annotations


class VrtuneError(Exception):
    """Something in the surroundings is wrong: missing data, a locked database. Exit status 1."""

    exit_code = 1


class UsageError(VrtuneError):
    """Something in the request is wrong: an unknown name, a setting out of range. Exit status 2."""

    exit_code = 2
