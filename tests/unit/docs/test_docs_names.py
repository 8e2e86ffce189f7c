"""Whatever a document names exists: links, files, functions, programs, make targets, settings."""

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import names

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
KINDS = "py|js|mjs|lua|yaml|json|md|svg|env|html|css|toml|txt"
ROOMS = ("actors", "serve", "policies", "bot", "infra", "tests", "benchmarks", "examples", "web")


def by_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


each_page = pytest.mark.parametrize("page", PAGES, ids=by_name)


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Yield (file, anchor) of each relative link; the anchor may be empty."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield ((page.parent / path).resolve() if path else page), anchor


def anchors(page: Path) -> set[str]:
    """Return the anchors that a page's headings make, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def code_of(text: str) -> str:
    """Return only what stands in code spans and code blocks."""
    blocks = re.findall(r"```.*?```", text, re.DOTALL)
    spans = re.findall(r"`[^`]+`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return "\n".join([*blocks, *spans])


def defined_in(path: Path) -> set[str]:
    """Return every name that a Python file defines."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.ClassDef(name=name):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name):
                found.add(name)
    return found


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), target
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), anchor


@each_page
def test_every_file_and_folder_named_exists(page: Path) -> None:
    code = code_of(page.read_text())
    files = re.findall(rf"(?<![\w./-])((?:{'|'.join(ROOMS)}|docs)/[\w./-]+\.(?:{KINDS}))\b", code)
    folders = re.findall(rf"`((?:{'|'.join(ROOMS)}|docs)/(?:[\w-]+/)*)`", code)
    missing = [name for name in [*files, *folders] if not (ROOT / name).exists()]
    assert missing == []


@each_page
def test_every_function_is_where_the_page_says(page: Path) -> None:
    named = re.findall(r"`([A-Za-z_][\w.]*)`\s+in\s+`([\w/]+\.py)`", page.read_text())
    for name, path in named:
        assert name.rpartition(".")[2] in defined_in(ROOT / path), f"{name} in {path}"


@each_page
def test_every_program_named_can_be_started(page: Path) -> None:
    for module in re.findall(r"python -m\s+([\w.]+\w)", page.read_text()):
        spec = importlib.util.find_spec(module)
        assert spec is not None, module
        if spec.submodule_search_locations is not None:
            assert importlib.util.find_spec(f"{module}.__main__") is not None, module


@each_page
def test_every_make_target_named_exists(page: Path) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:`|^)make ([\w-]+)", page.read_text(), re.MULTILINE)
    assert set(named) <= set(targets)


@each_page
def test_every_setting_named_exists(page: Path) -> None:
    named = set(re.findall(r"\b(?:RAYDESK_[A-Z_]+[A-Z]|[A-Z_]+_URL)\b", page.read_text()))
    of_tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    assert [n for n in sorted(named - set(names())) if f'"{n}"' not in of_tests] == []


@each_page
def test_every_variable_of_ray_named_is_one_that_we_set(page: Path) -> None:
    named = set(re.findall(r"\bRAY_[A-Z_]+[A-Z]\b", page.read_text())) - {"RAY_ADDRESS"}
    ours = (ROOT / "serve/ingress_env.py").read_text() + (ROOT / "actors/on_ray.py").read_text()
    assert [name for name in sorted(named) if f'"{name}"' not in ours] == []
