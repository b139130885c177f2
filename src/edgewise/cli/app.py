"""The command line: which commands there are, and what happens to their errors."""

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from edgewise import __version__
from edgewise.errors import EdgewiseError
from edgewise.runtime import tune_runtime

COMMANDS = {
    "demo": "Simulate springs, infer their graph, and write a page to look at.",
    "simulate": "Make trajectories with a known graph: springs, charged or kuramoto.",
    "convert": "Read trajectories in one format and write them in another.",
    "infer": "Infer who acts on whom from trajectories; writes a run folder with a page.",
    "apply": "Infer the graphs of new recordings with the law of an earlier run.",
    "forecast": "Say what happens after the end of the recordings of a run.",
    "evaluate": "Measure the graphs of a run against a data set that holds the truth.",
    "report": "Write the page of a run folder anew.",
    "doctor": "Check the installation and say how fast this machine is.",
}

app = App(
    name="edgewise",
    help="Relational inference: trajectories in, who-acts-on-whom out.",
    version=__version__,
    result_action="return_value",
)
for _name, _help in COMMANDS.items():
    app.command(f"edgewise.cli.{_name}:{_name}", name=_name, help=_help)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 well, 1 an error that the message explains, 2 wrong usage, 130 Ctrl-C.

    `--debug` anywhere shows the traceback of an error.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    sys.exit(_run(words, debug=debug))


def _run(words: list[str], *, debug: bool) -> int:
    tune_runtime()
    try:
        app(words, exit_on_error=False)
    except CycloptsError:
        return 2  # cyclopts has printed what was wrong
    except KeyboardInterrupt:
        print("interrupted; a run that had begun goes on with --resume", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except EdgewiseError as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        if debug:
            raise
        print(
            f"error: {type(error).__name__}: {error}\n"
            "  this is a defect of edgewise, not of your data; run again with --debug and report what it prints",
            file=sys.stderr,
        )
        return 1
    return 0
