"""Errors that a user can cause: one message that says what was found, what was expected and what to do."""


class EdgewiseError(Exception):
    """Base of the errors that the command line prints as one message, without a traceback.

    Args:
        found: what is wrong and where (file, row, column, value).
        expected: what would have been right.
        fix: what the user can do about it.
    """

    def __init__(self, found: str, *, expected: str | None = None, fix: str | None = None) -> None:
        self.found, self.expected, self.fix = found, expected, fix
        lines = [found]
        if expected:
            lines.append(f"  expected: {expected}")
        if fix:
            lines.append(f"  to do: {fix}")
        super().__init__("\n".join(lines))


class DataError(EdgewiseError, ValueError):
    """The data cannot be read, or do not follow the trajectory schema."""


class ConfigError(EdgewiseError, ValueError):
    """A setting is unknown, out of range, or does not fit the data or another setting."""


class RunError(EdgewiseError, OSError):
    """A run folder cannot be read or written (missing, not empty, of another version)."""
