"""Links between the pages lead somewhere."""

import pytest
from pages import PAGES, ROOT, anchors, links, name


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    broken = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)
    assert broken == []


def test_every_page_is_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        waiting += [(page.parent / target.partition("#")[0]).resolve() for target in links(page)]
    assert [name(page) for page in PAGES if page not in reached] == []


def test_broken_links_would_be_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# One two\n\n[a](gone.md) `[no](link)` [b](#one-two) [c](https://example.org)\n")
    assert links(page) == ["gone.md", "#one-two"]
    assert anchors(page) == {"one-two"}
