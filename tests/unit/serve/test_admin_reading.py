"""Pure parts of the administration API: merge patches, versions, permissions, problems."""

import pytest

from actors.permissions import Permission
from serve.admin.application import ENDPOINTS
from serve.admin.problems import CODES, STATUS, TITLES, ProblemError
from serve.admin.reading import check_version, cursor_of, merged, read_cursor


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_does_what_the_rfc_shows(target, patch, result):
    assert merged(target, patch) == result


@pytest.mark.parametrize("header", ["*", '"7"', '"6", "7"', '"7","8"'])
def test_the_version_that_was_read_may_be_changed(header):
    check_version(header, 7)


@pytest.mark.parametrize("header", ['"6"', 'W/"7"', '"77"', '"6", W/"7"'])
def test_another_version_may_not(header):
    with pytest.raises(ProblemError) as caught:
        check_version(header, 7)
    assert caught.value.code == "stale"
    assert caught.value.headers == {"etag": '"7"'}


@pytest.mark.parametrize("key", ["a", "订单", "x:y", "=" * 128])
def test_a_cursor_leads_back_to_its_id(key):
    assert read_cursor(cursor_of(key), str) == key


def test_a_permission_is_a_value():
    assert Permission("queues", "read") == Permission("queues", "read")
    assert len({one.permission for one in ENDPOINTS}) < len(ENDPOINTS)


def test_every_code_has_a_status_and_every_status_a_title():
    assert set(CODES) == set(STATUS)
    assert set(STATUS.values()) == set(TITLES)


def test_every_route_serves_in_one_way():
    for one in ENDPOINTS:
        assert (one.reads is None) != (one.writes is None)
        assert one.method != "GET" or one.reads is not None
        assert one.precondition <= (one.writes is not None)
