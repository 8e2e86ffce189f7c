"""A file for the draft of a base: what is left out keeps its id, and costs others only the link."""

import pytest

from serve.knowledge import jobs as j
from serve.knowledge.worker import do

ROWS = """\
id,question,related,category,hot
b,two,,,x
c c,three,,,
d,four,,/,
e,five,,{long},
b,two again,,,y
f,six,nowhere,,
a,one,"draft
b
d
e
f",,
"""


def read(**more):
    data = ROWS.format(long="x" * 201).encode()
    return do(j.ReadFile(data=data, format="csv", now=1.0, **more))


def test_the_ids_of_all_rows_that_were_not_taken_are_told():
    found = read(known=["draft"])
    assert set(found.topics) == {"a"}
    assert sorted(found.left_out) == ["b", "c c", "d", "e", "f"]
    assert [one.number for one in found.bad] == [2, 3, 4, 5, 6, 7]


def test_a_row_keeps_its_place_without_the_links_to_what_was_left_out():
    found = read(known=["draft"])
    assert found.topics["a"]["related"] == ["draft"]
    told = [one for one in found.problems if one.topic == "a" and one.code == "related_unknown"]
    assert [one.severity for one in told] == ["warning"] * 4


@pytest.mark.parametrize(("known", "taken"), [(["draft"], {"a"}), ([], set())])
def test_a_row_may_be_related_to_a_topic_of_the_draft(known, taken):
    job = j.ReadFile(data=b"id,question,related\na,one,draft", format="csv", now=1.0, known=known)
    assert set(do(job).topics) == taken


def test_one_bad_row_refuses_the_file_when_told():
    assert read(known=["draft"], all_or_none=True).refused
