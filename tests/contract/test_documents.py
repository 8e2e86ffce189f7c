"""The documents say what the code does: words, alerts, metrics, logs, files by folder."""

import re
from pathlib import Path

import pytest
import yaml

from actors import effects, messages
from actors.measures import METRICS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ROOMS = ("actors", "serve", "policies", "bot", "infra", "web", "examples", "benchmarks")
SOURCES = {".py", ".js", ".mjs", ".lua", ".html", ".css"}
OPERATIONS = (DOCS / "operations.md").read_text()
ALERTS = yaml.safe_load((ROOT / "infra" / "deploy" / "alerts.yaml").read_text())
PLAIN = {"staff member", "reservation", "private message", "post-call work"}
"""Of the words not to use, those that can mean nothing else."""


def section(text: str, title: str) -> str:
    """Return what stands under a heading, up to the next of its rank."""
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return re.split(rf"^{found[1]} ", found[2], flags=re.MULTILINE)[0]


def code() -> str:
    """Return the text of all rooms."""
    paths = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    return "\n".join(path.read_text() for path in paths)


def rows(text: str) -> list[list[str]]:
    """Return the cells of every table row but the headings."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in cells if row[0] not in ("word", "look at")]


def test_every_alert_has_its_section_and_every_section_its_alert() -> None:
    alerts = [rule["alert"] for group in ALERTS["groups"] for rule in group["rules"]]
    assert re.findall(r"^### (\w+)$", section(OPERATIONS, "Alerts"), re.MULTILINE) == alerts


def test_the_metrics_to_look_at_exist() -> None:
    named = re.findall(r"`(\w+)`", " ".join(row[0] for row in rows(section(OPERATIONS, "Metrics"))))
    assert named
    assert set(named) <= set(METRICS)


def test_the_log_events_that_an_operator_looks_for_are_written() -> None:
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)`", section(OPERATIONS, "Alerts")))
    assert named
    text = code()
    assert [event for event in sorted(named) if f'"{event}"' not in text] == []


@pytest.mark.parametrize("name", ["one_message.md", "one_contact.md"])
def test_the_commands_and_classes_of_a_journey_exist(name: str) -> None:
    named = set(re.findall(r"`([A-Z][a-z]+\w*)`", (DOCS / name).read_text()))
    named |= set(re.findall(r"--([A-Z]\w+)--", (DOCS / name).read_text()))
    assert named
    known = vars(messages).keys() | vars(effects).keys()
    text = code()
    assert [n for n in sorted(named - known) if f"class {n}" not in text] == []


def test_every_folder_with_sources_has_its_place_on_the_map() -> None:
    text = (DOCS / "where_things_are.md").read_text()
    headings = set(re.findall(r"^##+ `([\w/]+)/`$", text, re.MULTILINE))
    folders = {
        str(path.parent.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.suffix in SOURCES and not {"node_modules", "__pycache__"} & set(path.parts)
    }
    assert sorted(folders - headings) == []
    assert sorted(heading for heading in headings if not (ROOT / heading).is_dir()) == []


def test_every_decision_is_in_the_index_under_a_number_of_its_own() -> None:
    files = [path.name for path in sorted((DOCS / "decisions").glob("[0-9]*.md"))]
    index = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (DOCS / "decisions" / "README.md").read_text())
    assert index == files
    assert len({name[:4] for name in files}) == len(files)


@pytest.mark.parametrize("title", ["People and conversations", "Deciding", "Machinery"])
def test_the_words_of_the_glossary_are_the_words_of_the_code(title: str) -> None:
    text = code().lower()
    for row in rows(section((DOCS / "glossary.md").read_text(), title)):
        for word in row[0].split(","):
            stem = word.strip().lower().replace("-", "[-_ ]?").replace(" ", "[-_ ]?")
            assert re.search(rf"\b{stem}", text), word


def test_no_document_uses_a_word_that_the_glossary_rejects() -> None:
    glossary = (DOCS / "glossary.md").read_text()
    listed = {word.strip() for row in rows(glossary) if len(row) == 3 for word in row[2].split(",")}
    assert listed >= PLAIN
    pages = [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    for page in pages:
        if page.name != "glossary.md":
            assert [word for word in sorted(PLAIN) if word in page.read_text().lower()] == [], page


def test_the_readme_has_one_place_for_the_benchmarks() -> None:
    text = (ROOT / "README.md").read_text()
    assert text.count("<!-- benchmarks:start -->") == text.count("<!-- benchmarks:end -->") == 1
    assert text.index("<!-- benchmarks:start -->") < text.index("<!-- benchmarks:end -->")
