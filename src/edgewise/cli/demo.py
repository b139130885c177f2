"""edgewise demo"""

from pathlib import Path

from edgewise.cli.options import Flag, Target
from edgewise.cli.out import number, percent, print_json, print_summary, say
from edgewise.cli.progress import ProgressLine
from edgewise.cli.words import command_words

SYSTEMS, FRESH, FRAMES, SEED = 200, 500, 49, 0


def demo(*, out: Target = Path("edgewise-demo"), json: Flag = False) -> None:
    """Simulate bodies joined by springs, find the springs without being told, and write a page.

    200 systems of five bodies are simulated; the law and the springs are learnt from the motion alone; then the
    springs of 500 fresh systems are read with that law.

    Args:
        out: The run folder to write; an earlier run in it is replaced.
        json: Print one JSON object on stdout.
    """
    from edgewise.inference.infer import infer
    from edgewise.inference.records import check_folder, complete_run, prepare_folder, with_command
    from edgewise.physics import simulate
    from edgewise.report import write_report

    check_folder(out, overwrite=True)
    say(f"springs: {SYSTEMS} systems of 5 bodies, {FRAMES} frames each; who is joined to whom?")
    seen = simulate("springs", entities=5, sequences=SYSTEMS, steps=FRAMES, seed=SEED)
    fresh = simulate("springs", entities=5, sequences=FRESH, steps=FRAMES, seed=SEED + 1)
    with ProgressLine() as progress:
        result = with_command(infer(seen, seed=SEED, on_progress=progress), "demo", command_words(), None)
    prepare_folder(out, overwrite=True)
    complete_run(result, out)
    write_report(out)
    unseen = result.apply(fresh).metrics
    if json:
        print_json(result.metrics | {"fresh": unseen, "run": str(out), "page": str(out / "report.html")})
        return
    print_summary(result)
    print(
        f"{FRESH} fresh systems, same law: {percent(unseen['edge_accuracy'])} of {unseen['n_pairs']} pairs right, "
        f"calibration error {number(unseen['ece'])}"
    )
    print(f"look at {out / 'report.html'}")
