"""edgewise demo"""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from edgewise.cli.out import number, percent, print_json, print_summary, say
from edgewise.cli.progress import ProgressLine

SYSTEMS, FRESH, SEED = 200, 500, 0


def demo(
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])] = Path("edgewise-demo"),
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Simulate bodies joined by springs, find the springs without being told, and write a page.

    200 systems of five bodies are simulated; the law and the springs are learnt from the motion alone; then the
    springs of 500 fresh systems are read with that law.

    Args:
        out: the run folder to write; an earlier run in it is replaced.
        json: print one JSON object on stdout.
    """
    from edgewise.inference.infer import infer
    from edgewise.inference.records import complete_run, prepare_folder, with_command
    from edgewise.physics import simulate
    from edgewise.report import write_report

    prepare_folder(out, overwrite=True)
    say(f"springs: {SYSTEMS} systems of 5 bodies, 49 frames each; who is joined to whom?")
    seen = simulate("springs", entities=5, sequences=SYSTEMS, steps=49, seed=SEED)
    fresh = simulate("springs", entities=5, sequences=FRESH, steps=49, seed=SEED + 1)
    with ProgressLine() as progress:
        result = with_command(infer(seen, seed=SEED, on_progress=progress), "demo", sys.argv[1:], None)
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
