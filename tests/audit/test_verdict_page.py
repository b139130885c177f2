"""The verdict in the page of an audit."""

import pytest

from edgewise.report.audit_page import verdict

SAID = {"entities": "nodes", "relations": "edges", "hops": 2, "bias": "arbitrary", "invariance": ["rotation"]}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            SAID,
            "entities: nodes; relations: edges within 2 hops; relational inductive bias: arbitrary;"
            " invariance: rotation",
        ),
        (
            SAID | {"relations": "all-to-all", "hops": None, "bias": "weak", "invariance": []},
            "entities: nodes; relations: all-to-all; relational inductive bias: weak; invariance: none",
        ),
        (None, ""),
    ],
)
def test_the_page_says_the_verdict_in_a_sentence(said, words):
    assert verdict({"verdict": said}) == words
