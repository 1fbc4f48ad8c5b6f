"""What the pages say is there: linked files and headings, pictures, figures of tables, the names of the tour."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from har.run.folder import repository_root

ROOT = repository_root()
TRAINING_README = ROOT / "training_scripts" / "human_activity_recognition" / "README.md"
PAGES = [ROOT / "README.md", TRAINING_README, *sorted((ROOT / "docs").rglob("*.md"))]
LAB_BOOK, ENTRIES = ROOT / "docs" / "experiments.md", sorted((ROOT / "docs" / "experiments").glob("*.md"))

FENCED = re.compile(r"^```.*?^```", flags=re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
# `path/to/file.py` → `name`, `Class.method`, and more names after commas.
NAMED = re.compile(r"`([\w/]+\.py)`\s+→\s+((?:`[\w.]+`(?:,\s+)?)+)")


def prose(path: Path) -> str:
    """The text of a page without its code blocks."""
    return FENCED.sub("", path.read_text(encoding="utf-8"))


def anchors(text: str) -> set[str]:
    """What headings are called in links, by GitHub's rule."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+?) *$", FENCED.sub("", text), flags=re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = base = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        number = 0
        while slug in found:
            number += 1
            slug = f"{base}-{number}"
        found.add(slug)
    return found


def broken_links(page: Path, text: str) -> list[str]:
    """Relative links of a page whose file or heading is not there."""
    broken = []
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        there = path.exists()
        if there and anchor:
            there = path.suffix == ".md" and anchor in anchors(path.read_text(encoding="utf-8"))
        if not there:
            broken.append(target)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file_and_a_heading(page: Path):
    assert broken_links(page, prose(page)) == []


def test_broken_links_are_found(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("# One, *two* & `three`\n\n## Twice\n\n## Twice\n\n```\n# no heading\n```\n", encoding="utf-8")
    (tmp_path / "picture.png").touch()
    right = "[a](#one-two--three) [b](page.md#twice) [c](#twice-1) ![d](picture.png) [e](https://example.org/x#y)"
    wrong = ["#twice-2", "#no-heading", "missing.png", "other.md#twice", "picture.png#twice"]
    assert broken_links(page, right) == []
    assert broken_links(page, right + "".join(f" [x]({target})" for target in wrong)) == wrong


def test_every_picture_is_shown_somewhere():
    shown = {
        (page.parent / target).resolve() for page in PAGES for target in LINK.findall(prose(page)) if "#" not in target
    }
    pictures = set((ROOT / "docs" / "pictures").iterdir())
    assert pictures and pictures - shown == set()


def test_every_page_that_code_names_exists():
    sources = [
        path
        for top in ("har", "training_scripts", "val_scripts", "data_scripts")
        for path in (ROOT / top).rglob("*.py")
    ]
    named = {name for path in sources for name in re.findall(r"docs/[\w/]+\.md", path.read_text(encoding="utf-8"))}
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


# --- The lab book ----------------------------------------------------------------------------------------------------


def entries() -> Iterator[tuple[str, list[str]]]:
    """ "file.md#heading" and the paragraphs of every entry."""
    for path in ENTRIES:
        for part in re.split(r"^## ", prose(path), flags=re.MULTILINE)[1:]:
            heading, _, body = part.partition("\n")
            (anchor,) = anchors(f"## {heading}")
            yield f"experiments/{path.name}#{anchor}", [" ".join(p.split()) for p in body.strip().split("\n\n")]


def test_the_index_lists_every_entry_with_its_question_and_answer():
    index = LAB_BOOK.read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| \[[^\]]+\]\((experiments/[^)]+)\).*? \| (.+) \|$", index, flags=re.MULTILINE))
    found = dict(entries())
    assert listed.keys() == found.keys()
    for name, paragraphs in found.items():
        question, answer = paragraphs[:2]
        assert question.startswith("*") and f"[{question[1:].partition('*')[0]}]({name})" in index, name
        assert answer.startswith("**") and answer.replace("**", "") == listed[name], name


# --- The tour --------------------------------------------------------------------------------------------------------


def defined_names(path: Path) -> set[str]:
    """Names at the top level of a file, and ``Class.method``."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
    return found


def missing_names(text: str) -> list[str]:
    """ "path: name" of what a page names and nobody defines, and paths that are not there."""
    missing = [path for path in re.findall(r"`([\w/]+/[\w/.]+)`", text) if not (ROOT / path).exists()]
    for path, names in NAMED.findall(text):
        if (ROOT / path).is_file():
            defined = defined_names(ROOT / path)
            missing += [f"{path}: {name}" for name in re.findall(r"`([\w.]+)`", names) if name not in defined]
    return missing


def test_the_tour_names_what_is_there():
    text = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
    assert len(NAMED.findall(text)) >= 30
    assert missing_names(text) == []
    steps = re.findall(r"^\d+\. (.+(?:\n +.+)*)", text, flags=re.MULTILINE)
    assert [step for step in steps if not NAMED.match(step)] == []


def test_names_that_are_not_there_are_found():
    text = (
        "`har/windows/index.py` → `WindowIndex`, `WindowIndex.read`,\n`WindowIndex.write`: x. "
        "`har/windows/no.py` → `A`, "
        "`har/run/seed.py` →\n   `seed_nothing`"
    )
    expected = ["har/windows/no.py", "har/windows/index.py: WindowIndex.write", "har/run/seed.py: seed_nothing"]
    assert missing_names(text) == expected
