"""The manifests: their schemas, their references, and their programs."""

import functools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy.demo import running
from tests.deploy.programs import DEPLOY
from tests.e2e import pictures
from tests.e2e.conftest import write_set
from tests.e2e.curl import curl
from tests.ports import free_port
from uploadfilter.state import INSTANCE_NAME

MANIFESTS = DEPLOY / "kubernetes"

OLDEST = "1.31"
NEWEST = "1.35"
"""Releases of Kubernetes: the first in which all of this is stable, and a later one."""

NOT_KUBERNETES = frozenset({"Kustomization", "ServiceMonitor"})
"""Kinds that Kubernetes itself does not define."""

Manifest = dict[str, Any]


@functools.cache
def manifests() -> list[Manifest]:
    """Return every manifest; nobody changes one."""
    files = sorted(MANIFESTS.glob("*.yaml"))
    return [one for file in files for one in yaml.safe_load_all(file.read_text())]


def named(kind: str, name: str) -> Manifest:
    """Return one manifest."""
    (found,) = (
        one
        for one in manifests()
        if (one["kind"], one.get("metadata", {}).get("name")) == (kind, name)
    )
    return found


def pods() -> Iterator[tuple[str, Manifest]]:
    """Yield the pods of the manifests, by the name of the object that makes them."""
    yield "StatefulSet", named("StatefulSet", "uploadfilter")["spec"]["template"]
    job = named("CronJob", "uploadfilter-import")["spec"]["jobTemplate"]
    yield "CronJob", job["spec"]["template"]


def containers(pod: Manifest) -> list[Manifest]:
    """Return all containers of a pod."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


POD = named("StatefulSet", "uploadfilter")["spec"]["template"]
(FILTER,) = POD["spec"]["containers"]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize(
    "manifest",
    [one for one in manifests() if one["kind"] not in NOT_KUBERNETES],
    ids=lambda one: f"{one['kind']}-{one['metadata']['name']}",
)
def test_manifest_fits_the_schema(manifest: Manifest, version: str) -> None:
    """No field is misspelt or has another type."""
    kubernetes_validate.validate(manifest, version, strict=True)


def test_kustomization_names_each_file() -> None:
    """The only files not applied need an operator of their own, or the site's owner."""
    applied = set(
        yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())["resources"]
    )
    there = {file.name for file in MANIFESTS.glob("*.yaml")}

    assert there - applied == {
        "kustomization.yaml",
        "network-policy-of-the-site.yaml",
        "service-monitor.yaml",
    }
    assert applied <= there


@pytest.mark.parametrize("pod", [pytest.param(pod, id=name) for name, pod in pods()])
def test_pod_is_restricted(pod: Manifest) -> None:
    """Each container keeps the namespace's standard, and has a limit of memory."""
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    assert pod["spec"]["securityContext"]["seccompProfile"] == {
        "type": "RuntimeDefault"
    }
    assert not pod["spec"]["automountServiceAccountToken"]
    for container in containers(pod):
        context = container["securityContext"]
        assert not context["allowPrivilegeEscalation"]
        assert context["readOnlyRootFilesystem"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("pod", [pytest.param(pod, id=name) for name, pod in pods()])
def test_pod_mounts_what_it_has(pod: Manifest) -> None:
    """Every mount has its volume, and every claim is made by a manifest."""
    claimed = {
        one["metadata"]["name"]
        for one in manifests()
        if one["kind"] == "PersistentVolumeClaim"
    }
    state = named("StatefulSet", "uploadfilter")["spec"]["volumeClaimTemplates"]
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
    volumes |= {template["metadata"]["name"] for template in state}
    mounted = {m["name"] for c in containers(pod) for m in c["volumeMounts"]}
    claims = {
        volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["spec"]["volumes"]
        if "persistentVolumeClaim" in volume
    }

    assert mounted <= volumes
    assert claims <= claimed


def test_everything_selects_the_filter() -> None:
    """Services, budget and policy select the pods of the set."""
    labels = POD["metadata"]["labels"]
    selectors = [
        named("StatefulSet", "uploadfilter")["spec"]["selector"]["matchLabels"],
        named("Service", "uploadfilter")["spec"]["selector"],
        named("Service", "uploadfilter-pods")["spec"]["selector"],
        named("PodDisruptionBudget", "uploadfilter")["spec"]["selector"]["matchLabels"],
        named("NetworkPolicy", "uploadfilter")["spec"]["podSelector"]["matchLabels"],
    ]
    (origin_rule,) = named("NetworkPolicy", "only-through-the-filter")["spec"][
        "ingress"
    ]
    (allowed,) = origin_rule["from"]

    assert selectors == [labels] * len(selectors)
    assert allowed["podSelector"]["matchLabels"] == labels


def test_ports_are_those_of_the_container() -> None:
    """Each name of a port exists."""
    ports = {port["name"] for port in FILTER["ports"]}
    probes = ("startupProbe", "livenessProbe", "readinessProbe")
    used = {FILTER[probe]["httpGet"]["port"] for probe in probes}
    for name in ("uploadfilter", "uploadfilter-pods"):
        used |= {port["targetPort"] for port in named("Service", name)["spec"]["ports"]}

    assert used == ports


def test_name_of_a_pod_is_the_name_of_an_instance() -> None:
    """Each pod of the set finds its own decision log again."""
    assert "--instance=$(POD_NAME)" in FILTER["args"]
    assert INSTANCE_NAME.fullmatch("uploadfilter-10")


@pytest.mark.e2e
def test_manifests_run_a_filter(tmp_path: Path) -> None:
    """The pods' commands, run one after the other, make a filter that is ready."""
    hash_set = write_set(tmp_path / "unit7.jsonl", pictures.listed())
    volume, reference = tmp_path / "volume", tmp_path / "reference"
    volume.mkdir()
    admin = free_port()

    def here(text: str) -> str:
        names = {
            "/volume": str(volume),
            "/reference/state": str(reference / "state"),
            "/hashsets/unit7.jsonl": str(hash_set),
            "--category=1": "--category=demo",
            "$(POD_NAME)": "uploadfilter-0",
        }
        for name, value in names.items():
            text = text.replace(name, value)
        return text

    (prepare,) = POD["spec"]["initContainers"]
    subprocess.run(  # noqa: S603 - trusted lines
        [sys.executable, "-c", here(prepare["command"][-1])], check=True, timeout=60
    )
    job = dict(pods())["CronJob"]["spec"]["containers"][0]
    arguments = [here(argument) for argument in job["args"]]
    running.run_program(*arguments, state=reference / "state")
    assert "--name=unit7" in arguments
    running.run_program("hashset", "enforce", "unit7", state=reference / "state")

    configuration = tmp_path / "uploadfilter.toml"
    log = tmp_path / "proxy.log"
    with running.origin(tmp_path / "uploads", log=tmp_path / "origin.log") as origin:
        text = (MANIFESTS / "uploadfilter.toml").read_text()
        text = text.replace("0.0.0.0:8080", "127.0.0.1:0")
        text = text.replace("0.0.0.0:9180", f"127.0.0.1:{admin}")
        text = text.replace("http://site.site.svc.cluster.local:8000", origin)
        configuration.write_text(text.replace('"monitor"', '"enforce"'))
        options = ("--config", str(configuration), here(FILTER["args"][-1]))
        state = volume / "state"
        with running.proxy(origin, state=state, log=log, options=options) as proxy:
            probe = FILTER["readinessProbe"]["httpGet"]["path"]
            running.wait_for(
                lambda: curl(f"http://127.0.0.1:{admin}{probe}").status == 200 or None,
                what="the filter to be ready",
            )
            rejected = curl(f"{proxy.url}/l.jpg", "-T", "-", data=pictures.listed())

    assert rejected.status == 403
    assert (state / "instances" / "uploadfilter-0" / "log").is_dir()
    assert json.loads(
        running.run_program("hashset", "list", "--json", state=state).stdout
    )
