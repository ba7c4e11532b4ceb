"""The examples for CI are what their hosts accept, and each command in them does what it should."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from github_stand_in import GitHub
from harness import Account
from inbox import opened
from machines import ROOT, TEN_MINUTES, Machine, bash
from team import founded, git
from test_ci_github import SALES, declared
from workflows import Event, Job, Runner, read

from reconciler import errors
from reconciler.model import Status
from reconciler.sandbox import ACCOUNT_SID, TOKEN

EXAMPLES = ROOT / "examples"
WORKFLOWS = sorted((EXAMPLES / "github" / "workflows").iterdir())
MANIFESTS = sorted((EXAMPLES / "kubernetes").glob("*.yaml"))
SERVICE = EXAMPLES / "systemd" / "reconciler-drift.service"
HOOKS = ROOT / ".pre-commit-hooks.yaml"
GUIDE = ROOT / "docs" / "ci.md"
NUMBERS = {"numbers/sydney.yml": declared("Off")}

# --- what their hosts accept


@pytest.mark.parametrize(
    ("schema", "flags", "file"),
    [
        *(("vendor.github-workflows", [], file) for file in WORKFLOWS),
        *(("custom.github-workflows-require-timeout", [], file) for file in WORKFLOWS),
        ("vendor.github-actions", [], ROOT / "action.yml"),
        (
            "vendor.gitlab-ci",
            ["--data-transform", "gitlab-ci"],
            EXAMPLES / "gitlab" / ".gitlab-ci.yml",
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else None,
)
def test_each_is_valid_by_its_published_schema(schema: str, flags: list[str], file: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *flags]
    ran = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.name)
def test_each_manifest_is_valid_by_the_schema_of_kubernetes(file: Path) -> None:
    for document in yaml.safe_load_all(file.read_text("utf-8")):
        kubernetes_validate.validate(document, "1.31", strict=True)


def test_the_hooks_are_what_pre_commit_accepts() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(HOOKS)]
    assert subprocess.run(command, check=False).returncode == 0


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_the_units_are_what_systemd_accepts(tmp_path: Path) -> None:
    units = tmp_path / "etc" / "systemd" / "system"
    shutil.copytree(SERVICE.parent, units)
    for program in ("opt/reconciler/bin/reconciler", "usr/bin/git"):
        (tmp_path / program).parent.mkdir(parents=True)
        shutil.copy(shutil.which("true") or "", tmp_path / program)
    names = [file.name for file in units.iterdir()]
    verify = ["verify", "--recursive-errors=no", *names]
    # How much a service may do: 0 is nothing, 100 is everything.
    secure = ["security", "--offline=yes", "--threshold=15", "--no-pager", SERVICE.name]
    for command in (verify, secure):
        ran = subprocess.run(
            ["systemd-analyze", f"--root={tmp_path}", *command],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout


def test_the_action_has_each_output_that_a_command_writes() -> None:
    told = {"changes", "unchanged", "errors", "drifted", *Status}
    assert read(ROOT / "action.yml")["outputs"].keys() == told


# --- the guide


def test_the_guide_s_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", GUIDE.read_text("utf-8")):
        assert link.startswith("http") or (GUIDE.parent / link).exists(), link


def test_the_guide_tells_of_each_exit_code() -> None:
    told = re.findall(r"^\| (\d+) \|", GUIDE.read_text("utf-8"), re.MULTILINE)
    kinds = [errors.ReconcilerError, *errors.ReconcilerError.__subclasses__()]
    assert sorted(map(int, told)) == sorted({0, *(kind.exit_code for kind in kinds)})


def test_the_guide_s_own_workflow_fits_the_action() -> None:
    text = next(each for each in fenced("yaml") if "uses: your-org" in each)
    checkout, step = yaml.safe_load(text)
    assert checkout["with"]["fetch-depth"] == 2
    assert step["with"].keys() <= read(ROOT / "action.yml")["inputs"].keys()


def test_the_guide_s_hook_is_there() -> None:
    text = next(each for each in fenced("yaml") if "repos:" in each)
    (repository,) = yaml.safe_load(text)["repos"]
    assert repository["hooks"] == [{"id": yaml.safe_load(HOOKS.read_text("utf-8"))[0]["id"]}]


def fenced(language: str) -> list[str]:
    text = GUIDE.read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


# --- Kubernetes


def pod(file: Path) -> Any:
    """The pod that a manifest starts."""
    spec = yaml.safe_load(file.read_text("utf-8"))["spec"]
    return spec.get("jobTemplate", {"spec": spec})["spec"]["template"]["spec"]


@pytest.fixture
def cluster(account: Account, tmp_path: Path) -> Cluster:
    account.add({"Number": SALES, "Recording": "Off"})
    return Cluster(tmp_path, account)


class Cluster:
    """What a container finds: its volumes, its secrets, the entry point of its image."""

    def __init__(self, folder: Path, account: Account) -> None:
        self._folder = folder
        self._account = account
        self.objects = {
            "reconciler-numbers": {"sydney.yml": declared("Off")},
            "reconciler": {"token": TOKEN, "account-sid": ACCOUNT_SID},
        }

    def command(self, file: Path) -> tuple[list[str], dict[str, str]]:
        """What is run, with the volumes where the test can have them; and its environment."""
        (container,) = pod(file)["containers"]
        places = self._mounted(container["volumeMounts"], pod(file)["volumes"])
        arguments = container["args"]
        for wanted, found in places.items():
            arguments = [each.replace(wanted, str(found)) for each in arguments]
        entry = re.search(r"^ENTRYPOINT (.+)$", dockerfile(), re.MULTILINE)
        assert entry
        (program,) = json.loads(entry[1])
        assert program == "reconciler"
        environment = {"RECONCILER_API_URL": self._account.url, "PATH": "/usr/bin:/bin"}
        for each in container["env"]:
            asked = each["valueFrom"]["secretKeyRef"]
            value = self.objects[asked["name"]].get(asked["key"])
            if value is not None:
                environment[each["name"]] = value
            else:
                assert asked["optional"]
        return [sys.executable, "-m", "reconciler", *arguments], environment

    def _mounted(self, mounts: Any, volumes: Any) -> dict[str, Path]:
        sources = {
            each["name"]: (each.get("configMap") or {}).get("name") or each["secret"]["secretName"]
            for each in volumes
        }
        places = {}
        for mount in mounts:
            place = self._folder / mount["name"]
            # As the kubelet does it: the files are links into a hidden folder, itself a link.
            hidden = place / "..2026_11_23"
            hidden.mkdir(parents=True)
            (place / "..data").symlink_to(hidden.name)
            for name, text in self.objects[sources[mount["name"]]].items():
                (hidden / name).write_text(text, "utf-8")
                (place / name).symlink_to(Path("..data", name))
            places[mount["mountPath"]] = place
        return places


def dockerfile() -> str:
    return (EXAMPLES / "kubernetes" / "Dockerfile").read_text("utf-8")


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.name)
def test_a_container_may_do_nothing_but_its_work(file: Path) -> None:
    wanted, (container,) = pod(file), pod(file)["containers"]
    assert wanted["securityContext"]["runAsNonRoot"]
    assert not wanted["automountServiceAccountToken"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert all(each["readOnly"] for each in container["volumeMounts"])
    assert TOKEN not in file.read_text("utf-8")


def test_the_cron_job_finds_drift_and_is_not_tried_again(
    cluster: Cluster, account: Account
) -> None:
    file = EXAMPLES / "kubernetes" / "drift-cronjob.yaml"
    command, environment = cluster.command(file)

    def looked() -> int:
        return subprocess.run(command, env=environment, check=False).returncode

    assert looked() == 0
    account.edit(SALES, Recording="Call")
    spec = yaml.safe_load(file.read_text("utf-8"))["spec"]["jobTemplate"]["spec"]
    (rule,) = spec["podFailurePolicy"]["rules"]
    assert rule["onExitCodes"]["containerName"] == pod(file)["containers"][0]["name"]
    assert looked() in rule["onExitCodes"]["values"]


def test_the_deployment_watches_and_is_alive(cluster: Cluster, account: Account) -> None:
    file = EXAMPLES / "kubernetes" / "drift-deployment.yaml"
    account.edit(SALES, Recording="Call")
    command, environment = cluster.command(file)
    (container,) = pod(file)["containers"]
    port = f"--metrics-port={container['ports'][0]['containerPort']}"
    # One that is free here.
    command[command.index(port)] = "--metrics-port=0"
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as watch:
        assert watch.stdout is not None
        assert watch.stderr is not None
        found = re.search(r"on port (\d+)", watch.stderr.readline())
        assert found
        assert json.loads(watch.stdout.readline())["drifted"] == 1
        probe = container["livenessProbe"]["httpGet"]
        assert probe["port"] == container["ports"][0]["name"]
        with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}{probe['path']}") as answer:
            assert answer.status == 200
        watch.send_signal(signal.SIGTERM)
        assert watch.wait(TEN_MINUTES) == 0


def test_the_deployment_sends_messages_where_its_secret_says_so(
    cluster: Cluster, account: Account
) -> None:
    account.edit(SALES, Recording="Call")
    with opened() as inbox:
        cluster.objects["reconciler"]["notify"] = inbox.url
        command, environment = cluster.command(EXAMPLES / "kubernetes" / "drift-deployment.yaml")
        assert environment["RECONCILER_NOTIFY"] == inbox.url
        with subprocess.Popen([*command, "--metrics-port=0"], env=environment) as watch:
            assert inbox.next()["title"] == "1 of 1 number drifted"
            watch.send_signal(signal.SIGTERM)
            assert watch.wait(TEN_MINUTES) == 0


def test_the_image_is_built_from_the_wheel(
    machine: Machine, vendored: Path, tmp_path: Path
) -> None:
    lines = [line for line in dockerfile().splitlines() if not line.startswith("#")]
    words = [line.split(maxsplit=1) for line in lines]
    assert [word for word, _ in words] == ["FROM", "COPY", "RUN", "USER", "ENTRYPOINT"]
    source, target = words[1][1].split()
    (tmp_path / source).mkdir()
    (tmp_path / "image").mkdir()
    shutil.copy(vendored, tmp_path / source)
    script = words[2][1].replace(target, f"{tmp_path / source}/")
    environment = {**machine.environment(tmp_path), "PIP_REPORT": str(tmp_path / "report.json")}
    ran = bash(["-e"], script, tmp_path / "image", environment)
    assert ran.returncode == 0, ran.stdout
    (installed,) = json.loads((tmp_path / "report.json").read_text("utf-8"))["install"]
    # What drift-deployment.yaml sends messages with.
    assert installed["requested_extras"] == ["notify"]
    assert any("extra == 'notify'" in each for each in installed["metadata"]["requires_dist"])
    ran = bash(["-e"], "reconciler --version", tmp_path / "image", machine.environment(tmp_path))
    assert ran.stdout.startswith("reconciler, version")


# --- systemd


def test_the_service_looks_at_what_has_been_applied(
    account: Account, machine: Machine, vendored: Path, tmp_path: Path
) -> None:
    account.add({"Number": SALES, "Recording": "Off"})
    team = founded(tmp_path, vendored, NUMBERS)
    branch = "main:refs/heads/reconciler/applied"
    git(team.clone, "push", "--quiet", "origin", branch)
    service = unit()
    place = tmp_path / service["WorkingDirectory"].lstrip("/")
    git(
        tmp_path, "clone", "--quiet", "--branch", "reconciler/applied", str(team.origin), str(place)
    )
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    name, _, _ = service["LoadCredential"].partition(":")
    (credentials / name).write_text(TOKEN)

    def start() -> int:
        before = service["ExecStartPre"].removeprefix("+")
        after = service["ExecStart"].replace("%d", str(credentials))
        # systemd runs each by itself, and the second only where the first has ended well.
        script = f"{before}\n{after}\n".replace(
            "/opt/reconciler/bin/reconciler", f'"{sys.executable}" -m reconciler'
        )
        environment = {
            "PATH": "/usr/bin:/bin",
            "RECONCILER_ACCOUNT_SID": ACCOUNT_SID,
            "RECONCILER_API_URL": account.url,
        }
        return bash(["-e"], script, place, environment).returncode

    assert start() == 0
    account.edit(SALES, Recording="Call")
    assert start() == 2
    git(team.clone, "checkout", "--quiet", "main")
    team.push({"numbers/sydney.yml": declared("Call")})
    assert start() == 2
    git(team.clone, "push", "--quiet", "origin", branch)
    assert start() == 0


def unit() -> dict[str, str]:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(SERVICE.read_text("utf-8"))
    return dict(parser["Service"])


# --- pre-commit


def test_the_hook_checks_all_files_where_one_of_them_changes(
    tmp_path: Path, machine: Machine
) -> None:
    hook, _fmt = yaml.safe_load(HOOKS.read_text("utf-8"))
    assert not hook["pass_filenames"]
    changes = ["numbers/sydney.yml", "numbers/au/perth.yaml", "README.md", "other/sydney.yml"]
    assert [name for name in changes if re.search(hook["files"], name)] == changes[:2]
    command = [*hook["entry"].split(), *hook["args"]]
    assert command[0] == "reconciler"
    (tmp_path / "numbers").mkdir()
    # It needs what the other file has, so it could not be checked alone.
    (tmp_path / "numbers" / "a.yml").write_text("version: 1\ntemplates: {off: {Recording: Off}}\n")
    text = f"version: 1\nnumbers:\n  {SALES}: {{use: [off]}}\n"
    (tmp_path / "numbers" / "b.yml").write_text(text)

    def checked() -> int:
        module = [sys.executable, "-m", *command]
        return subprocess.run(module, cwd=tmp_path, check=False).returncode

    assert checked() == 0
    (tmp_path / "numbers" / "b.yml").write_text(text.replace("off", "on"))
    assert checked() == 1


# --- the composite action


@pytest.fixture
def runner(account: Account, tmp_path: Path, vendored: Path, machine: Machine) -> Runner:
    account.add({"Number": SALES, "Recording": "Off"})
    home = tmp_path / "home"
    home.mkdir()
    team = founded(home, vendored, NUMBERS)
    site = next(path for path in sys.path if path.endswith("site-packages"))
    settings = {
        "GITHUB_ACTION_PATH": str(ROOT),
        "RECONCILER_API_URL": account.url,
        "RECONCILER_ACCOUNT_SID": ACCOUNT_SID,
        "RECONCILER_TOKEN": TOKEN,
        # It makes a place of its own, where what it depends on is to be found as well.
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_TARGET": "",
        "PYTHONPATH": site,
    }
    return Runner(GitHub(), team.origin, home, machine, settings, {})


def used(runner: Runner, **inputs: str) -> Job:
    sha = git(runner.origin, "rev-parse", "main")
    event = Event("push", "refs/heads/main", sha, sha)
    runner.hub.runs.append({})
    return runner.use(ROOT / "action.yml", inputs, event)


@pytest.mark.skipif(not os.environ.get("CI"), reason="takes 5 s; runs in CI")
def test_the_action_installs_itself_and_tells_its_outputs(runner: Runner, account: Account) -> None:
    account.edit(SALES, Recording="Call")
    planned = used(runner, command="plan", flags="--out=a plan.json\n--report=text=$(id).txt\n")
    assert planned.result == "success", planned.log
    assert (planned.folder / "$(id).txt").exists()
    outputs = read(ROOT / "action.yml")["outputs"]
    told = {name: planned.rendered(each["value"]) for name, each in outputs.items()}
    assert {name: value for name, value in told.items() if value} == {
        "changes": "1",
        "drifted": "1",
        "unchanged": "0",
        "errors": "0",
    }
