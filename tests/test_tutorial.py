"""The tutorial, done to the letter against a real account and a real repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from harness import Account
from test_readme import ROOT, shell

DOCS = ROOT / "docs"
TUTORIAL = (DOCS / "tutorial.md").read_text("utf-8")


@pytest.mark.parametrize("shared", [{"Recording": "Off"}, {}], ids=["shared", "own"])
def test_its_steps_lead_where_it_says(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: dict[str, str]
) -> None:
    """Also where all of them share a value, which export puts into defaults."""
    sydney = {"Number": "+61255500001", "Friendly": "Sydney sales", "Recording": "Off"}
    others = [
        {"Number": f"+6135550{index:04d}", "Friendly": f"Line {index}", "RoutingMethod": "Endpoint"}
        | {"EndpointNumber": "+61355509999", **shared}
        for index in range(41)
    ]
    account.add(sydney, *others)
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Ann")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "ann@example.com")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    folder = tmp_path
    said = []
    steps = re.findall(r"^```sh\n(.*?)^```", TUTORIAL, re.MULTILINE | re.DOTALL)
    for step in steps:
        ran = shell(f"set -e\n{step}\npwd > {tmp_path / 'where'}", folder)
        assert ran.returncode == 0, (step, ran.stdout, ran.stderr)
        folder = Path((tmp_path / "where").read_text("utf-8").strip())
        said.append(ran.stdout)
    assert said[1] == "No changes. All 42 numbers are as declared.\n"
    assert "Plan: 1 to change, 41 unchanged. Drifted since reconciler/applied: 0" in said[3]
    change = '    Attribution_Campaign: unset -> "spring"\n'
    assert change in said[3]
    assert f"    {change}" in TUTORIAL
    assert said[-1].endswith("No changes. All 42 numbers are as declared.\n")
    assert not account.live("+61255500001").get("Attribution_Campaign")


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
        assert link.startswith("http") or (page.parent / link).exists(), link
