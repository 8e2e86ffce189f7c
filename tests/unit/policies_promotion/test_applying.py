"""Writing a promotion's setting into queues: `policies.promotion.applying`."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from policies.__main__ import main
from policies.promotion.applying import door
from policies.promotion.files import load, save
from policies.promotion.gates import Stage

QUEUE = {"name": "Sales", "limit": 7, "policy": "longest_idle", "policy_params": {}}


class Doors(ThreadingHTTPServer):
    """An administration API of queues alone, with what was asked of it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.rows: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, int] = {}
        self.wrote: list[str] = []
        self.rivals = 0
        """How many writers are faster, each once."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/desk/"


class Handler(BaseHTTPRequestHandler):
    server: Doors

    def do_GET(self) -> None:
        queue, row = self._row()
        if row is not None:
            self._answer(200, {**row, "id": queue, "version": self.server.versions[queue]})

    def do_PUT(self) -> None:
        server, (queue, row) = self.server, self._row()
        if row is None:
            return
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if server.rivals:
            server.rivals -= 1
            server.versions[queue] += 1
        if self.headers["if-match"] != f'"{server.versions[queue]}"':
            self._answer(412, {"detail": "changed since you read it"})
        elif body.keys() != row.keys():
            self._answer(422, {"detail": "The body is wrong."})
        else:
            server.rows[queue], server.versions[queue] = body, server.versions[queue] + 1
            server.wrote.append(queue)
            self._answer(200, body)

    def _row(self) -> tuple[str, dict[str, Any] | None]:
        base, _, queue = self.path.rpartition("/")
        row = self.server.rows.get(queue) if base == "/desk/v1/admin/queues" else None
        if self.headers["authorization"] != "Bearer good":
            row = None
            self._answer(401, {"detail": "Who are you?"})
        elif row is None:
            self._answer(404, {"detail": f"queues: there is no {queue!r}"})
        return queue, row

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        queue = self.path.rpartition("/")[2]
        self.send_header("etag", f'"{self.server.versions.get(queue, 0)}"')
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Doors]:
    server = Doors()
    server.rows = {"sales": dict(QUEUE), "support": dict(QUEUE)}
    server.versions = {"sales": 3, "support": 4}
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("RAYDESK_TOKEN", "good")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    path = tmp_path / "promotion.json"
    begin = ["--experiment", "cap", "--candidate", "fixed_cap", "--live", "longest_idle"]
    begin += ["--candidate-parameters", '{"cap": 2}']
    assert main(["promote", "start", str(path), *begin]) == 0
    at(path, Stage.RAMP_5)
    return path


def at(path: Path, stage: Stage) -> None:
    save(path, msgspec.structs.replace(load(path), stage=stage), load(path))


def test_the_stages_setting_is_written_once_and_nothing_else_changes(
    state: Path, doors: Doors, capsys: pytest.CaptureFixture[str]
) -> None:
    both = ["--queue", "sales", "--queue", "support"]
    command = ["promote", "apply", str(state), "--url", doors.url, *both]
    assert main(command) == 0
    told = capsys.readouterr().err
    assert "queue sales: routes by ramp now" in told
    for queue in ("sales", "support"):
        row = doors.rows[queue]
        assert (row["policy"], row["policy_params"]["share"]) == ("ramp", 0.05)
        assert {name: row[name] for name in ("name", "limit")} == {"name": "Sales", "limit": 7}
    assert main(command) == 0
    assert "queue sales: routes by ramp already" in capsys.readouterr().err
    assert doors.wrote == ["sales", "support"]


def test_a_roll_back_takes_the_live_setting_back_at_once(
    state: Path, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYDESK_URL", doors.url)
    door_ = ["--queue", "sales"]
    assert main(["promote", "apply", str(state), *door_]) == 0
    assert main(["promote", "roll-back", str(state), "--why", "complaints", *door_]) == 0
    assert doors.rows["sales"] == QUEUE


def test_a_move_that_is_refused_leaves_the_queue_as_the_stage_has_it(
    state: Path, doors: Doors
) -> None:
    door_ = ["--queue", "sales", "--url", doors.url]
    assert main(["promote", "advance", str(state), "--from", "ramp_5", *door_]) == 1
    assert doors.rows["sales"]["policy_params"]["share"] == 0.05


def test_a_queue_of_somebody_elses_experiment_is_left_alone(
    state: Path, doors: Doors, capsys: pytest.CaptureFixture[str]
) -> None:
    doors.rows["sales"]["policy"] = "least_busy"
    command = ["promote", "apply", str(state), "--url", doors.url]
    assert main([*command, "--queue", "sales", "--queue", "support"]) == 1
    told = capsys.readouterr().err
    assert "not applied: sales: routes by least_busy {}, which is not this promotion's" in told
    assert doors.wrote == ["support"]


@pytest.mark.parametrize(("rivals", "code"), [(1, 0), (3, 1)])
def test_a_queue_that_somebody_changed_meanwhile_is_read_again(
    state: Path, doors: Doors, rivals: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    doors.rivals = rivals
    command = ["promote", "apply", str(state), "--url", doors.url, "--queue", "sales"]
    assert main(command) == code
    assert ("is being changed by somebody else" in capsys.readouterr().err) == bool(code)


def test_what_the_system_refuses_is_told(
    state: Path,
    doors: Doors,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["promote", "apply", str(state), "--url", doors.url, "--queue"]
    assert main([*command, "nowhere"]) == 1
    assert "not applied: nowhere: queues: there is no 'nowhere'" in capsys.readouterr().err
    monkeypatch.setenv("RAYDESK_TOKEN", "bad")
    assert main([*command, "sales"]) == 1
    assert "Who are you?" in capsys.readouterr().err
    monkeypatch.setenv("RAYDESK_TOKEN", "")
    assert main([*command, "sales"]) == 2
    assert "RAYDESK_TOKEN: empty" in capsys.readouterr().err
    assert main(["promote", "roll-back", str(state), "--why", "x", "--queue", "sales"]) == 2
    assert load(state).stage is Stage.RAMP_5, "without a token nothing is moved"
    doors.shutdown()
    doors.server_close()
    monkeypatch.setenv("RAYDESK_TOKEN", "good")
    assert main([*command, "sales"]) == 1
    assert f"not applied: {doors.url}: " in capsys.readouterr().err
    assert doors.wrote == []


@pytest.mark.parametrize("url", ["ftp://desk.example", "desk.example", "https://"])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="--url: "):
        door(url, "t")
