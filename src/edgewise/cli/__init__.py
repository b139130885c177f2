"""The command `edgewise`: one thin file a command, loaded when it is called."""

from edgewise.cli.app import main

__all__ = ["main"]
