"""Git as the baseline: who moved a field since a commit, and what was not read at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Account, Git, Run

ONE, TWO, THREE, FOUR, FIVE = (f"+6125550000{digit}" for digit in range(1, 6))
NONE = "None of the selected numbers is declared otherwise than at"
BEFORE = f"""\
version: 1
templates:
  ivr: {{RoutingMethod: Flow, Flow: cfg-1}}
numbers:
  {ONE}: {{Friendly: One, Recording: Off}}
  {TWO}: {{Friendly: Two, Recording: Off}}
  {THREE}: {{Friendly: Three, Recording: Off}}
  {FOUR}: {{use: [ivr]}}
"""


@pytest.fixture
def agreed(git: Git, account: Account, write: Callable[..., str]) -> Git:
    """The file committed and tagged, and the account as it says."""
    write(BEFORE)
    git("add", "numbers.yaml")
    git("commit", "-qm", "Declare the numbers")
    git("tag", "applied")
    for number, friendly in ((ONE, "One"), (TWO, "Two"), (THREE, "Three")):
        account.add({"Number": number, "Friendly": friendly, "Recording": "Off"})
    account.add({"Number": FOUR, "RoutingMethod": "Flow", "Flow": "cfg-1"})
    return git


def origins(plan: dict[str, object]) -> dict[tuple[str, str], str]:
    changes: list[dict[str, object]] = plan["changes"]  # type: ignore[assignment]
    return {
        (change["number"], name): each["origin"]  # type: ignore[misc,attr-defined]
        for change in changes
        for name, each in change["fields"].items()  # type: ignore[attr-defined]
    }


def test_each_field_says_who_moved_it(
    agreed: Git, account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    declared = BEFORE.replace("One, Recording: Off", "Uno, Recording: Call")
    write(declared.replace("Three, Recording: Off", "Three, Recording: Call"))
    account.edit(ONE, Friendly="by hand")
    account.edit(TWO, Recording="Endpoint")
    account.edit(FOUR, Flow="cfg-9")
    ran = reconciler("plan", "numbers.yaml", "--baseline", "applied", "--format", "json")
    assert origins(ran.json) == {
        (ONE, "Friendly"): "both",
        (ONE, "Recording"): "declared",
        (TWO, "Recording"): "drift",
        (THREE, "Recording"): "declared",
        (FOUR, "Flow"): "drift",
    }


def test_a_template_changed_in_the_file_is_declared_for_its_numbers(
    agreed: Git, write: Callable[..., str], reconciler: Run
) -> None:
    write(BEFORE.replace("cfg-1", "cfg-2"))
    ran = reconciler("plan", "numbers.yaml", "--baseline", "applied", "--format", "json")
    assert origins(ran.json) == {(FOUR, "Flow"): "declared"}


def test_a_new_field_or_number_is_declared_whatever_is_live(
    agreed: Git, account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    account.add({"Number": FIVE, "Friendly": "by hand"})
    write(BEFORE.replace("[ivr]", "[ivr], Friendly: Four") + f"  {FIVE}: {{Friendly: Five}}\n")
    ran = reconciler("plan", "numbers.yaml", "--baseline", "applied", "--format", "json")
    assert set(origins(ran.json).values()) == {"declared"}


def test_drift_exits_with_0_where_only_a_declared_change_waits(
    agreed: Git, write: Callable[..., str], reconciler: Run
) -> None:
    write(BEFORE.replace("One, Recording: Off", "One, Recording: Call"))
    assert reconciler("drift", "numbers.yaml").code == 2
    assert reconciler("drift", "numbers.yaml", "--baseline", "applied").code == 0


@pytest.mark.parametrize("declared", ["Off", "Call"])
def test_drift_exits_with_2_where_the_live_side_moved(
    declared: str,
    agreed: Git,
    account: Account,
    write: Callable[..., str],
    reconciler: Run,
) -> None:
    write(BEFORE.replace("One, Recording: Off", f"One, Recording: {declared}"))
    account.edit(ONE, Recording="Endpoint")
    ran = reconciler("drift", "numbers.yaml", "--baseline", "applied", "--format", "json")
    assert ran.code == 2
    assert origins(ran.json) == {(ONE, "Recording"): "drift" if declared == "Off" else "both"}


def test_text_shows_this_change_apart_from_drift(
    agreed: Git, account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    write(BEFORE.replace("One, Recording: Off", "One, Recording: Call"))
    account.edit(ONE, Friendly="by hand")
    account.edit(TWO, Recording="Endpoint")
    ran = reconciler("plan", "numbers.yaml", "--baseline", "applied", "--detailed-exitcode")
    change, drift = ran.out.split("Drift that an apply would revert")
    assert "This change" in change
    assert 'Recording: "Off" -> "Call"' in change
    assert "by hand" not in change
    assert '"by hand" -> "One"' in drift
    assert '"Endpoint" -> "Off"' in drift
    assert ran.code == 2


def test_a_number_taken_out_of_the_file_is_told_and_never_written(
    agreed: Git, account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    write("".join(line for line in BEFORE.splitlines(keepends=True) if TWO not in line))
    account.edit(TWO, Recording="Call")
    ran = reconciler("plan", "numbers.yaml", "--baseline", "applied", "--format", "json")
    assert ran.json["changes"] == []
    source = {"path": "applied:numbers.yaml", "line": 6}
    assert ran.json["no_longer_managed"] == [{"number": TWO, "source": source}]
    told = reconciler("plan", "numbers.yaml", "--baseline", "applied", "--out", "plan.json")
    assert f"{TWO}  (applied:numbers.yaml:6)" in told.out
    reconciler("apply", "plan.json", "--auto-approve")
    assert account.live(TWO)["Recording"] == "Call"


def test_a_saved_plan_keeps_its_origins(
    agreed: Git, write: Callable[..., str], reconciler: Run
) -> None:
    write(BEFORE.replace("One, Recording: Off", "One, Recording: Call"))
    made = reconciler("plan", "numbers.yaml", "--baseline", "applied", "--out", "plan.json")
    assert reconciler("show", "plan.json").out == made.out


def test_only_what_was_declared_otherwise_is_read(
    git: Git, account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    numbers = [f"+6135550{index:04d}" for index in range(1000)]
    text = "version: 1\ndefaults: {Recording: Off}\nnumbers:\n"
    text += "".join(f"  {number}: {{Friendly: Line {number[-4:]}}}\n" for number in numbers)
    write(text)
    git("add", ".")
    git("commit", "-qm", "Declare a thousand")
    account.add(*({"Number": number, "Recording": "Off"} for number in numbers))
    write(text.replace("Line 0007", "Seven").replace("Line 0008", "Eight"))
    account.forget_stats()
    ran = reconciler("plan", "numbers.yaml", "--changed-since", "HEAD", "--format", "json")
    assert [change["number"] for change in ran.json["changes"]] == [numbers[7], numbers[8]]
    assert account.stats()["get"] == 2


def test_where_nothing_was_declared_otherwise_nothing_is_read(
    agreed: Git, account: Account, reconciler: Run
) -> None:
    account.forget_stats()
    ran = reconciler("plan", "numbers.yaml", "--changed-since", "applied", "--detailed-exitcode")
    assert ran.out == f"No changes. {NONE} applied.\n"
    assert ran.code == 0
    assert account.stats()["get"] == 0


def test_a_folder_is_read_at_the_commit_as_it_is_now(
    git: Git, account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    write("version: 1\ntemplates: {quiet: {Recording: Off}}\n", "numbers/deep/templates.yml")
    write(f"version: 1\nnumbers: {{{ONE}: {{use: [quiet]}}}}\n", "numbers/one.yaml")
    write("no: numbers: file", "numbers/.hidden.yaml")
    write("nor this", "numbers/notes.txt")
    git("add", "-A")
    git("commit", "-qm", "Declare a folder")
    account.add({"Number": ONE, "Recording": "Call"})
    ran = reconciler("plan", "numbers", "--baseline", "HEAD", "--format", "json")
    assert origins(ran.json) == {(ONE, "Recording"): "drift"}


def test_a_file_that_was_not_there_then_declares_all_of_it_now(
    git: Git, account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    write("else", "readme.txt")
    git("add", ".")
    git("commit", "-qm", "Begin")
    write(BEFORE)
    for number in (ONE, TWO, THREE, FOUR):
        account.add({"Number": number, "Friendly": "by hand"})
    ran = reconciler("plan", "numbers.yaml", "--baseline", "main", "--format", "json")
    assert set(origins(ran.json).values()) == {"declared"}


def test_the_checkout_and_the_index_stay_as_they_are(
    agreed: Git, write: Callable[..., str], reconciler: Run
) -> None:
    write(BEFORE.replace("Uno", "One") + "# not committed\n")
    before = agreed("status", "--porcelain=v2", "--branch")
    reconciler("plan", "numbers.yaml", "--baseline", "applied")
    assert agreed("status", "--porcelain=v2", "--branch") == before


def test_links_within_the_repository_are_followed(
    git: Git,
    account: Account,
    write: Callable[..., str],
    reconciler: Run,
    tmp_path: Path,
) -> None:
    write(BEFORE, "shared/all.yaml")
    (tmp_path / "numbers").mkdir()
    (tmp_path / "numbers" / "all.yaml").symlink_to("../shared/all.yaml")
    git("add", ".")
    git("commit", "-qm", "Link")
    account.add({"Number": ONE, "Friendly": "by hand", "Recording": "Off"})
    ran = reconciler("plan", "numbers", "--baseline", "HEAD", "--target", ONE, "--format", "json")
    assert origins(ran.json) == {(ONE, "Friendly"): "drift"}


@pytest.mark.parametrize(
    ("ref", "told"),
    [
        ("nowhere", "is no commit that can be read here"),
        ("--output=x", "is no commit that can be read here"),
        ("", "is no commit that can be read here"),
    ],
)
def test_a_commit_that_is_not_there_is_refused(
    ref: str, told: str, agreed: Git, account: Account, reconciler: Run
) -> None:
    account.forget_stats()
    ran = reconciler("plan", "numbers.yaml", f"--baseline={ref}")
    assert ran.code == 1
    assert told in ran.err
    assert account.stats()["get"] == 0


def test_outside_of_a_repository_there_is_no_baseline(
    account: Account, write: Callable[..., str], reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", "/")
    write(BEFORE)
    ran = reconciler("plan", "numbers.yaml", "--baseline", "main")
    assert ran.code == 1
    assert "not a git repository" in ran.err


def test_files_that_were_not_valid_then_are_no_baseline(
    git: Git, account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    write("version: 1\nnumbers: {12: {}}\n")
    git("add", ".")
    git("commit", "-qm", "Oops")
    write(BEFORE)
    ran = reconciler("drift", "numbers.yaml", "--baseline", "main")
    assert ran.code == 1
    assert 'The files at "main" are no baseline' in ran.err
    assert "main:numbers.yaml:2:11: " in ran.err
    assert ":1:1" not in ran.err


def test_the_plan_that_repairs_the_files_goes_on_without_a_baseline(
    agreed: Git, account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    write("version: 1\nnumbers: {12: {}}\n")
    agreed("commit", "-qam", "Oops")
    write(BEFORE)
    account.edit(ONE, Friendly="by hand")
    account.forget_stats()
    for flag in ("--baseline", "--changed-since"):
        ran = reconciler("plan", "numbers.yaml", flag, "main", "--format", "json")
        assert ran.code == 0
        assert "goes on without a baseline" in ran.err
        assert ("every number is read" in ran.err) is (flag == "--changed-since")
        assert "baseline" not in ran.json
        assert [change["number"] for change in ran.json["changes"]] == [ONE]
    assert account.stats()["get"] == 8


def test_two_baselines_are_one_too_many(write: Callable[..., str], reconciler: Run) -> None:
    write(BEFORE)
    ran = reconciler("plan", "numbers.yaml", "--baseline", "a", "--changed-since", "b")
    assert ran.code == 64


def test_shards_keep_the_baseline_when_they_are_merged(
    agreed: Git, account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    write(BEFORE.replace("cfg-1", "cfg-2").replace("One, Recording: Off", "One, Recording: Call"))
    account.edit(TWO, Friendly="by hand")
    flags = ("--baseline", "applied")
    whole = reconciler("plan", "numbers.yaml", *flags, "--format", "json")
    for index in (1, 2):
        reconciler(
            "plan", "numbers.yaml", *flags, "--shard", f"{index}/2", "--out", f"{index}.json"
        )
    merged = reconciler("merge", "1.json", "2.json", "--format", "json")
    assert merged.json["digest"] == whole.json["digest"]


@pytest.mark.parametrize("moved", ["conf/numbers.yaml", "numbers.yaml/all.yaml"])
def test_a_path_that_was_elsewhere_then_hides_no_drift(
    moved: str, agreed: Git, account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    agreed("rm", "-q", "numbers.yaml")
    write(BEFORE, moved)
    account.edit(ONE, Friendly="by hand")
    path = str(Path(moved).parent)
    ran = reconciler("drift", path, "--baseline", "applied")
    assert ran.code == 1
    assert f'At "applied" there was no numbers file at {path}, so' in ran.err
    planned = reconciler("plan", path, "--baseline", "applied", "--format", "json")
    assert planned.code == 0
    assert f'warning: At "applied" there was no numbers file at {path}: ' in planned.err


def test_drift_needs_a_commit_at_which_numbers_were_declared(
    agreed: Git, account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    write("version: 1\ntemplates: {ivr: {Recording: Off}}\n", "conf/templates.yaml")
    agreed("add", "conf")
    agreed("commit", "-qm", "Templates")
    write(BEFORE.replace("ivr", "own"), "conf/numbers.yaml")
    ran = reconciler("drift", "conf", "--baseline", "HEAD")
    assert ran.code == 1
    assert "no number was declared there" in ran.err
    assert reconciler("plan", "conf", "--baseline", "HEAD").code == 0


# Values that are not in the files.

HOOKS = f"""\
version: 1
numbers:
  {ONE}: {{WebHookUrl: "https://hooks.example/${{TOKEN}}"}}
  {TWO}: {{WebHookUrl: "https://hooks.example/${{file:hook}}"}}
"""


@pytest.fixture
def hooked(
    git: Git, account: Account, write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> Git:
    """Two numbers whose web hooks come from a variable and from a tracked file, and are live."""
    monkeypatch.setenv("TOKEN", "first")
    write(HOOKS)
    write("first\n", "hook")
    git("add", "numbers.yaml", "hook")
    git("commit", "-qm", "Declare")
    git("tag", "applied")
    for number in (ONE, TWO):
        account.add({"Number": number, "WebHookUrl": "https://hooks.example/first"})
    return git


def hooks(reconciler: Run) -> dict[tuple[str, str], str]:
    ran = reconciler("plan", "numbers.yaml", "--baseline", "applied", "--format", "json")
    return origins(ran.json)


def test_a_value_that_the_file_still_says_alike_has_drifted(
    hooked: Git, account: Account, reconciler: Run, write: Callable[..., str]
) -> None:
    account.edit(ONE, WebHookUrl="https://by.hand")
    account.edit(TWO, WebHookUrl="https://by.hand")
    drifted = {(ONE, "WebHookUrl"): "drift", (TWO, "WebHookUrl"): "drift"}
    assert hooks(reconciler) == drifted
    write(HOOKS + "# and no more\n")
    assert hooks(reconciler) == drifted


def test_a_tracked_file_is_read_at_the_commit(
    hooked: Git, account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    write("second\n", "hook")
    account.forget_stats()
    assert hooks(reconciler) == {(TWO, "WebHookUrl"): "declared"}
    assert reconciler("drift", "numbers.yaml", "--baseline", "applied").code == 0
    account.forget_stats()
    ran = reconciler("plan", "numbers.yaml", "--changed-since", "applied", "--format", "json")
    assert [change["number"] for change in ran.json["changes"]] == [TWO]
    assert account.stats()["get"] == 1
    account.edit(TWO, WebHookUrl="https://by.hand")
    assert hooks(reconciler) == {(TWO, "WebHookUrl"): "both"}


def test_a_file_that_git_does_not_track_is_taken_for_what_the_numbers_file_says(
    git: Git, account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    write(f"version: 1\nnumbers: {{{ONE}: {{WebHookUrl: 'https://x.example/${{file:hook}}'}}}}\n")
    write("mounted", "hook")
    git("add", "numbers.yaml")
    git("commit", "-qm", "Declare")
    git("tag", "applied")
    account.add({"Number": ONE, "WebHookUrl": "https://by.hand"})
    assert hooks(reconciler) == {(ONE, "WebHookUrl"): "drift"}
    ran = reconciler("plan", "numbers.yaml", "--changed-since", "applied")
    assert ran.out.startswith("No changes.")


def test_a_value_that_the_file_says_otherwise_is_declared_whatever_the_variable_is(
    hooked: Git,
    account: Account,
    write: Callable[..., str],
    reconciler: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account.edit(ONE, WebHookUrl="https://hooks.example/zero")
    # The variable happens to be today what is written out in the file now.
    write(HOOKS.replace("${TOKEN}", "first"))
    assert hooks(reconciler) == {(ONE, "WebHookUrl"): "declared"}
    monkeypatch.delenv("TOKEN")
    assert hooks(reconciler) == {(ONE, "WebHookUrl"): "declared"}
    ran = reconciler("plan", "numbers.yaml", "--changed-since", "applied", "--format", "json")
    assert [change["number"] for change in ran.json["changes"]] == [ONE]
    assert "zero" not in ran.out


def test_a_secret_name_that_is_no_longer_declared_is_not_shown(
    git: Git,
    account: Account,
    write: Callable[..., str],
    reconciler: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NAME", "hush")
    write(f"version: 1\nnumbers: {{{ONE}: {{Friendly: '${{NAME}}', Recording: Off}}}}\n")
    git("add", "numbers.yaml")
    git("commit", "-qm", "Declare")
    write(f"version: 1\nnumbers: {{{ONE}: {{Recording: Off}}}}\n")
    account.add({"Number": ONE, "Friendly": "hush", "Recording": "Call"})
    ran = reconciler("plan", "numbers.yaml", "--baseline", "HEAD")
    assert "Recording" in ran.out
    assert "hush" not in ran.out


# Where git is, and how it is.


def test_a_submodule_in_a_folder_is_refused(
    agreed: Git, account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    write(BEFORE, "numbers/all.yaml")
    head = agreed("rev-parse", "HEAD").strip()
    agreed("add", "numbers")
    agreed("update-index", "--add", "--cacheinfo", f"160000,{head},numbers/sub")
    agreed("commit", "-qm", "A submodule")
    ran = reconciler("plan", "numbers", "--baseline", "HEAD")
    assert ran.code == 1
    assert "numbers/sub is a submodule" in ran.err


def test_only_a_shallow_clone_is_told_to_fetch_more(
    agreed: Git, account: Account, reconciler: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "shallow" not in reconciler("plan", "numbers.yaml", "--baseline", "gone").err
    agreed("commit", "-q", "--allow-empty", "-m", "More")
    agreed("clone", "-q", "--depth=1", f"file://{tmp_path}", "shallow")
    monkeypatch.chdir("shallow")
    ran = reconciler("plan", "numbers.yaml", "--baseline", "HEAD^1")
    assert "This clone is shallow" in ran.err
    assert "fetch-depth: 0" in ran.err


def test_a_repository_of_somebody_else_is_to_be_trusted_first(
    agreed: Git, account: Account, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What git's own tests make it believe.
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    ran = reconciler("plan", "numbers.yaml", "--baseline", "HEAD")
    assert ran.code == 1
    assert "safe.directory" in ran.err
    assert "shallow" not in ran.err
    assert len(ran.err.splitlines()) == 1


def test_what_git_sets_for_a_hook_is_not_looked_at(
    agreed: Git,
    account: Account,
    write: Callable[..., str],
    reconciler: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(BEFORE.replace("cfg-1", "cfg-2"))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"):
        monkeypatch.setenv(name, "elsewhere/")
    assert hooks(reconciler) == {(FOUR, "Flow"): "declared"}


def test_a_git_that_does_not_end_is_given_up(
    agreed: Git, account: Account, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.git._SECONDS", 0.0)
    ran = reconciler("plan", "numbers.yaml", "--baseline", "applied")
    assert ran.code == 1
    assert "git rev-parse did not end within 0 seconds" in ran.err


@pytest.mark.parametrize("place", ["worktree", "within", "absolute"])
def test_it_does_not_matter_from_where_it_is_run(
    place: str,
    agreed: Git,
    account: Account,
    write: Callable[..., str],
    reconciler: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = "numbers.yaml"
    if place == "worktree":
        agreed("worktree", "add", "-q", "other")
        path = write(BEFORE.replace("cfg-1", "cfg-2"), "other/numbers.yaml")
    else:
        write(BEFORE.replace("cfg-1", "cfg-2"))
        write("", "within/notes.txt")
        monkeypatch.chdir("within" if place == "within" else "/")
        path = "../numbers.yaml" if place == "within" else str(tmp_path / path)
    ran = reconciler("plan", path, "--baseline", "applied", "--format", "json")
    assert origins(ran.json) == {(FOUR, "Flow"): "declared"}


def test_the_first_parent_of_a_merge_is_what_it_was_merged_into(
    agreed: Git, account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    agreed("checkout", "-q", "-b", "topic")
    write(BEFORE.replace("cfg-1", "cfg-2"))
    agreed("commit", "-qam", "Another flow")
    agreed("checkout", "-q", "main")
    write(BEFORE.replace("Friendly: One", "Friendly: Uno"))
    agreed("commit", "-qam", "Another name")
    agreed("merge", "-q", "--no-edit", "topic")
    flags = ("--format", "json", "--baseline")
    merged = reconciler("plan", "numbers.yaml", *flags, "HEAD^1")
    assert origins(merged.json) == {(ONE, "Friendly"): "drift", (FOUR, "Flow"): "declared"}


@pytest.mark.parametrize("removed", [True, False])
def test_what_is_not_selected_is_not_spoken_of(
    removed: bool, agreed: Git, account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    kept = "".join(line for line in BEFORE.splitlines(keepends=True) if TWO not in line)
    write(kept if removed else BEFORE.replace("cfg-1", "cfg-2"))
    flags = ("plan", "numbers.yaml", "--changed-since", "applied", "--target", ONE)
    assert f"{NONE} applied." in reconciler(*flags).out
    assert f"{NONE} <code>applied</code>." in reconciler(*flags, "--format", "markdown").out


def test_a_flag_wins_over_the_other_one_in_the_environment(
    agreed: Git, account: Account, reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_BASELINE", "nowhere")
    ran = reconciler("plan", "numbers.yaml", "--changed-since", "applied")
    assert f"{NONE} applied." in ran.out
    monkeypatch.setenv("RECONCILER_BASELINE", "")
    monkeypatch.setenv("RECONCILER_CHANGED_SINCE", "nowhere")
    ran = reconciler("plan", "numbers.yaml", "--baseline", "applied", "--format", "json")
    assert ran.json["baseline"]["only_changed"] is False
