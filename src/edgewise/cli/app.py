"""The command line: which commands there are, and what happens to their errors."""

import os
import sys
import warnings
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from edgewise import __version__
from edgewise.cli.words import WORDS
from edgewise.errors import EdgewiseError
from edgewise.runtime import tune_runtime

COMMANDS = {
    "demo": "Simulate springs, infer their graph, and write a page to look at.",
    "simulate": "Make trajectories of a known system: springs, charged, kuramoto, nbody, balls or string.",
    "convert": "Read trajectories in one format and write them in another.",
    "infer": "Infer who acts on whom from trajectories; write a run folder with a page.",
    "apply": "Infer the graphs of new recordings with the law of an earlier run.",
    "rollout": "Let a learned simulator run, and show it beside the recording.",
    "forecast": "Say what happens after the end of the recordings of a run.",
    "evaluate": "Measure the graphs of a run against a data set that holds the truth.",
    "compare": "Run methods side by side on one data set; write a table and a picture.",
    "train": "Train the networks of a recipe; measure them beside the published figure.",
    "predict": "Classify nodes or predict molecules with the networks of a recipe.",
    "reproduce": "Make a table of a paper anew: ours beside the published figures.",
    "translate": "Turn lines of text into what a model of sequences says of them.",
    "audit": "Measure the inductive bias of a network: symmetries, who can influence whom, shared weights.",
    "report": "Write the page of a run folder anew.",
    "doctor": "Check the installation and say how fast this machine is.",
}

app = App(
    name="edgewise",
    help="Relational inference: trajectories in, who-acts-on-whom out.\n\n"
    "`edgewise COMMAND --help` explains a command. With --debug anywhere, an error shows its traceback.",
    version=__version__,
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # `main` says how to go on
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
    if argv is None and not debug and not sys.warnoptions:
        warnings.simplefilter(
            "ignore"
        )  # those of other packages' versions, which a user can do nothing about
    sys.exit(_run(words, debug=debug))


def _run(words: list[str], *, debug: bool) -> int:
    tune_runtime()
    token = WORDS.set(tuple(words))
    try:
        app(words, exit_on_error=False)
    except CycloptsError:
        return _usage(words)  # cyclopts has printed what was wrong
    except KeyboardInterrupt as interrupt:
        _say(f"interrupted{f': {interrupt}' if str(interrupt) else ''}")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if debug:
            raise
        _say(f"error: {message(error)}")
        return 1
    finally:
        WORDS.reset(token)
    return 0


def _usage(words: list[str]) -> int:
    command = f" {words[0]}" if words and words[0] in COMMANDS else ""
    _say(f"`edgewise{command} --help` lists what there is.")
    return 2


def message(error: Exception) -> str:
    """What a person is told of an error: what is wrong and what to do, and whose fault it is."""
    if isinstance(error, EdgewiseError):
        return str(error)
    if isinstance(error, MemoryError) or "allocate memory" in str(error):
        return (
            f"not enough memory: {error}\n"
            "  to do: take fewer entities or recordings, name fewer candidates (--neighbours), or lower --batch-size"
        )
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return (
            f"{place}{error.strerror or error}\n  to do: check the path, its rights and the room on the disk"
        )
    return (
        f"{type(error).__name__}: {error}\n"
        "  this is a defect of edgewise, not of your data; run again with --debug and report what it prints"
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr)
