"""Every text of the pages is there in Chinese and in English, with the same places to fill in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

WEB = Path(__file__).parents[3] / "web"
FILES = ("words.js", "knowledge_words.js")
ENTRY = re.compile(r'(?:"([\w.]+)"|\b(\w+)):\s*"((?:[^"\\]|\\.)*)"')
USED = re.compile(r'\bword\("([\w.]+)"|data-(?:word|hint)="([\w.]+)"|field\("(kb\.[\w.]+)"')


def words(file: str, lang: str) -> dict[str, str]:
    text = (WEB / file).read_text("utf-8")
    found = re.search(rf"const {lang} = \{{\n(.*?)\n\}};", text, re.DOTALL)
    assert found is not None
    return {quoted or bare: said for quoted, bare, said in ENTRY.findall(found[1])}


@pytest.mark.parametrize("file", FILES)
def test_both_languages_say_the_same_things(file: str) -> None:
    chinese, english = words(file, "ZH"), words(file, "EN")
    assert len(chinese) > 50
    assert chinese.keys() == english.keys()
    for name, said in chinese.items():
        assert re.search("[\u4e00-\u9fff]", said), name
        assert not re.search("[\u4e00-\u9fff]", english[name]), name
        places = [sorted(re.findall(r"\{\w+\}", one)) for one in (said, english[name])]
        assert places[0] == places[1], name


def test_what_the_pages_use_is_there() -> None:
    known = {name for file in FILES for name in words(file, "ZH")}
    pages = [*WEB.glob("*.js"), WEB / "index.html", WEB / "knowledge.html"]
    used = {
        next(filter(None, names))
        for page in pages
        for names in USED.findall(page.read_text("utf-8"))
    }
    assert len(used) > 50
    assert used <= known


def test_no_page_turns_text_into_markup() -> None:
    """What people and bases say is shown as text, whatever is in it."""
    ways_in = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|srcdoc")
    for page in WEB.glob("*.js"):
        assert ways_in.search(page.read_text("utf-8")) is None, page.name
