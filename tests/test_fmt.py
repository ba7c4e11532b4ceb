"""Formatting: keys in order, quotes where they are needed, and never another meaning."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml
from accounts import live_numbers
from harness import Account, Run
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from reconciler import desired, document, schema, spans
from reconciler.errors import InputError
from reconciler.explain import entry_keys
from reconciler.formatting import formatted
from reconciler.hunks import unified
from reconciler.model import Desired
from reconciler.tree import Block

ROOT = Path(__file__).resolve().parent.parent
HEAD = "version: 1\n"
NUMBER, OTHER = "+61255500001", "+61255500002"

Write = Callable[..., str]


def fmt(text: str) -> str:
    return formatted("f", text.encode()).decode()


def entry(*lines: str) -> str:
    """A file whose one number has these lines."""
    return f'{HEAD}numbers:\n  "{NUMBER}":\n' + "".join(f"    {line}\n" for line in lines)


# Quotes.

MISREAD = [
    "Off", "no", "on", "YES", "y", "N", "True", "0412", "+61255500001", "1_000", "0x1F", "0o14",
    "1e3", ".5", "-1.5", ".inf", ".NaN", "12:30:45", "2027-01-31", "2027-01-31 10:00:00", "=",
]  # fmt: skip
READ_ALIKE = ["~", "null", "Ann", "on-duty", "1.2.3", "2027-31", "+61 2 5550 0001", "cfg=0412"]
NOT_PLAIN = ["'Off'", '"0412"', "'it''s'", "!!str Off", "|\n      0412", ">-\n      Off"]


@pytest.mark.parametrize("text", MISREAD)
def test_a_text_that_yaml_1_1_takes_for_something_else_is_quoted(text: str) -> None:
    assert fmt(entry(f"Friendly: {text}  # why")) == entry(f'Friendly: "{text}"  # why')


@pytest.mark.parametrize("text", [*READ_ALIKE, *NOT_PLAIN, "two\n      lines", "${X:-1}"])
def test_every_other_text_stays_as_it_is_written(text: str) -> None:
    assert fmt(entry(f"Friendly: {text}")) == entry(f"Friendly: {text}")


def test_keys_are_quoted_by_the_same_rule() -> None:
    text = f"{HEAD}templates:\n  on: {{}}\n  1e3: {{}}\n  desk: {{}}\nnumbers:\n  {NUMBER}:\n"
    wanted = text.replace(" on:", ' "on":').replace("1e3", '"1e3"')
    assert fmt(text) == wanted.replace(NUMBER, f'"{NUMBER}"')


def test_what_is_a_number_or_a_truth_value_to_us_too_is_not_quoted() -> None:
    text = entry("protect: true").replace(HEAD, f"{HEAD}limits: {{max_changes: 20}}\n")
    assert fmt(text) == text


def test_values_in_brackets_are_quoted() -> None:
    text = entry("use: [on]", "tags: [2027, &a no, *a]", "Flow: {name: 12}")
    text = text.replace("numbers:", 'property: PR1\ntemplates: {"on": {Recording: Off}}\nnumbers:')
    for plain in ("[on]", "2027", "no,", "12", "Off"):
        quoted = re.sub(r"\w+", lambda match: f'"{match[0]}"', plain)
        assert fmt(text).count(quoted) == 1
    assert fmt(text).count('"') == text.count('"') + 10


def test_a_comment_stays_in_its_column_where_there_is_room() -> None:
    text = entry("Flow: cfg        # a", "Recording: Off   # b", "SendSmsFrom: +612 # c")
    wanted = entry("Flow: cfg        # a", 'Recording: "Off" # b', 'SendSmsFrom: "+612" # c')
    assert fmt(text) == wanted


# Order.


def test_keys_come_in_the_schemas_order() -> None:
    lines = ["Recording: Call", "ignore: {Flow: {until: 2027-01-31, reason: x}}", "Friendly: Ann"]
    lines += ["tags: [a]", "<<: {Flow: x}", "use: []"]
    wanted = ["<<: {Flow: x}", "use: []", "tags: [a]"]
    wanted += ['ignore: {Flow: {reason: x, until: "2027-01-31"}}', "Friendly: Ann"]
    assert fmt(entry(*lines)) == entry(*wanted, "Recording: Call")


def test_a_key_takes_its_comments_along() -> None:
    text = entry(
        "# of the recording",
        "#",
        "Recording: Call  # reconciler: ignore[no-effect]",
        "# of the name",
        "Friendly: Ann  # hers",
        "# the end",
    )
    wanted = entry(
        "# of the name",
        "Friendly: Ann  # hers",
        "# of the recording",
        "#",
        "Recording: Call  # reconciler: ignore[no-effect]",
        "# the end",
    )
    assert fmt(text) == wanted


def test_sections_come_in_order_and_keep_the_empty_lines_between_them() -> None:
    numbers = f'numbers:\n  # one\n  "{NUMBER}":\n    Friendly: Ann\n  # no more\n'
    templates = "\n# shared\ntemplates:\n  a: {Flow: b}\n  # c: {}\n"
    top = "# yaml-language-server: $schema=x\n# All of them.\n"
    assert fmt(f"{top}{numbers}{templates}\nversion: 1\n# end\n") == (
        f"{top}version: 1\n{templates}\n{numbers}# end\n"
    )


def test_only_the_first_comment_of_a_file_is_its_heading() -> None:
    top = "# yaml-language-server: $schema=x\n\n"
    numbers = f'# All of them are in Sydney.\nnumbers:\n  "{NUMBER}":\n'
    version = "# of the format\nversion: 1\n"
    assert fmt(top + numbers + version) == top + version + numbers
    apart = "# apart\n\n"
    assert fmt(top + apart + numbers + version) == top + apart + version + numbers
    assert fmt(numbers + version) == numbers.replace("numbers", f"{version}numbers", 1)


def test_numbers_templates_and_what_is_ignored_keep_their_places() -> None:
    top = "x-b: 0412\nversion: 1\nx-a: {Recording: Off, Flow: x}\n"
    names = "".join(f"  {name}: {{}}\n" for name in ("tags", "b", "Friendly", "a"))
    text = f'{top}templates:\n{names}numbers:\n  "{OTHER}":\n  "{NUMBER}":\n'
    assert fmt(text) == text


def test_what_an_anchor_shares_is_formatted_where_it_stands() -> None:
    text = f"{HEAD}x-base:\n  - &base {{Recording: Off, Flow: x}}\ndefaults:\n  <<: *base\n"
    assert fmt(text) == text.replace("{Recording: Off, Flow: x}", '{Flow: x, Recording: "Off"}')


@pytest.mark.parametrize(
    "text",
    [
        f"templates: {{a: *base}}\n{HEAD}",
        f"{HEAD}numbers: {{}}\ntemplates: {{a: *base}}\ndefaults: &base {{}}\n",
    ],
)
def test_an_alias_without_its_anchor_is_an_error_before_and_after(text: str) -> None:
    with pytest.raises(InputError, match="no anchor stands above this"):
        fmt(text)


@pytest.mark.parametrize(
    "lines",
    [
        ["Flow: &a cfg", "Friendly: *a"],
        ["Recording: &a Call", "Flow: &a cfg", "SendSmsTo: *a"],
    ],
)
def test_an_anchor_stays_above_its_aliases(lines: list[str]) -> None:
    assert fmt(entry(*lines).replace("SendSmsTo", "SendEmailFrom").replace("cfg", "a@b.c")) == (
        entry(*lines).replace("SendSmsTo", "SendEmailFrom").replace("cfg", "a@b.c")
    )


@pytest.mark.parametrize(
    ("flow", "wanted"),
    [
        ("{Recording: Call, Flow: x}", "{Flow: x, Recording: Call}"),
        ("{ Recording: Call ,Flow: x, }", "{ Flow: x ,Recording: Call, }"),
        ("{\n  Recording: Call,\n  Flow: x\n  }", "{\n  Flow: x,\n  Recording: Call\n  }"),
        ("{Recording: Call, # why\n  Flow: x}", "{Recording: Call, # why\n  Flow: x}"),
        ("{Recording: , Flow: x}", "{Recording: , Flow: x}"),
        ("{'Recording':Call,\"Flow\":x}", "{\"Flow\":x,'Recording':Call}"),
    ],
)
def test_keys_in_brackets_change_places_where_no_comment_is_among_them(
    flow: str, wanted: str
) -> None:
    assert fmt(f"{HEAD}defaults: {flow}\n") == f"{HEAD}defaults: {wanted}\n"


def test_where_a_text_in_lines_of_its_own_ends_a_value_the_keys_stay() -> None:
    text = entry("Recording: Call", "Friendly: |+", "  two", "", "  lines", "", "use: []")
    assert fmt(text) == text


# Spaces.


def test_spaces_at_the_ends_of_lines_go_save_within_text() -> None:
    text = f"# a \t\n{HEAD}numbers: \n  '+612':  \n    Friendly: |  \n      two  \n      lines \n"
    wanted = f"# a\n{HEAD}numbers:\n  '+612':\n    Friendly: |  \n      two  \n      lines \n"
    assert fmt(text) == wanted


@pytest.mark.parametrize("end", ["", " ", "\n\n \n", "\r\n", "\n"])
def test_the_last_line_ends_as_the_others(end: str) -> None:
    line_end = "\r\n" if end == "\r\n" else "\n"
    assert fmt(f"version: 1{line_end}numbers:{end}") == f"version: 1{line_end}numbers:{line_end}"


def test_a_text_that_has_no_end_gets_none() -> None:
    text = f"{HEAD}numbers: {{}}\ntemplates:\n  a:\n    Friendly: |\n      text"
    assert fmt(text) == text


def test_line_ends_and_a_byte_order_mark_stay() -> None:
    text = f"\ufeff{entry('Recording: Call', 'Friendly: Ann')}".replace("\n", "\r\n")
    wanted = f"\ufeff{entry('Friendly: Ann', 'Recording: Call')}".replace("\n", "\r\n")
    assert fmt(text) == wanted


# What cannot be formatted.


def test_what_is_wrong_is_said_as_validate_says_it(write: Write, reconciler: Run) -> None:
    good = entry("Recording: Call", "Friendly: Ann")
    write(good, "all/a.yaml")
    write(entry("Recordng: Off", "SendSmsTo: 0412").replace(NUMBER, OTHER), "all/b.yaml")
    write("version: 1\nversion: 1\nlimits: []\n", "all/c.yaml")
    ran = reconciler("fmt", "all")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == reconciler("validate", "all").err
    assert [line.split(":")[0] for line in ran.err.splitlines()] == ["all/b.yaml"] * 2 + [
        "all/c.yaml"
    ] * 2
    assert Path("all/a.yaml").read_text() == good


def test_what_other_files_and_the_environment_bring_is_not_needed() -> None:
    text = entry("use: [of another file]", "SendSmsTo: ${DESK}", "Flow: '${file:/none}'")
    assert fmt(text) == entry(
        "use: [of another file]", "Flow: '${file:/none}'", "SendSmsTo: ${DESK}"
    )


def test_what_is_no_numbers_file_is_left_alone(write: Write, reconciler: Run) -> None:
    text = "apiVersion: v1\nkind: Pod\nspec: {replicas: 3, enabled: on}\n"
    ran = reconciler("fmt", write(text))
    assert (ran.code, ran.out, Path("numbers.yaml").read_text()) == (1, "", text)


# Any file.

VALUES: Mapping[str, list[str]] = {
    "use": ["[one]", "[]"],
    "tags": ["[a, on]", "[2027]", "\n      - no\n      # the last\n      - b"],
    "protect": ["true", "false"],
    "ignore": ["{Flow: {until: 2099-01-31, reason: 12}}", "\n      Flow:\n        until: 2099-01-31"
               "\n        # so\n        reason: x\n      # or\n      # Friendly: {}"],
    "Friendly": ["Ann", "0412", "'it''s'", "~", "two\n      words", '"a\n      b"', "${X:-1}"],
    "AddressSid": ["*sid", "AD1", "12:30:45", "&sid 077", "|-\n      a", "|+\n      a\n"],
    "Flow": ["cfg", "", "null", "{name: Off}", "{name: on} "],
    "Recording": ["Off", "Call", "'Off'", "&off Off"],
    "SendSmsFrom": ["+61255500100", "yes", "=  ", "2027-01-31"],
}  # fmt: skip
OWN = ("use", "tags", "protect", "ignore")
INLINE = {"use": "[one]", "tags": "[yes]", "protect": "true", "Flow": "1e3", "Recording": "Off"}


@st.composite
def blocks(draw: st.DrawFn, held: bool, own: bool, indent: str = "    ") -> str:
    """The lines of a mapping, with comments that name the key they belong to."""
    names = [name for name in VALUES if own or name not in OWN]
    lines: list[str] = []
    for name in draw(st.permutations(names))[: draw(st.integers(1, 5))]:
        values = [each for each in VALUES[name] if held or each[:1] not in ("&", "*", "|")]
        value = draw(st.sampled_from(values))
        above = draw(st.sampled_from(["", f"# above {name}\n", "\n", "# apart\n\n"]))
        above = above and f"{above}{indent}"
        room = draw(st.sampled_from(["", "  "]))
        at = f"{room}  # at {name}" if "\n" not in value and draw(st.booleans()) else ""
        lines.append(f"{indent}{above}{name}: {value}{at}\n".replace(f"{indent}\n", "\n"))
    merge = draw(st.sampled_from(["", "", f"{indent}<<: *base\n"]))
    end = draw(st.sampled_from(["", f"{indent}# end\n", "\n"]))
    return "".join([*lines, merge, end])


@st.composite
def inline(draw: st.DrawFn) -> str:
    chosen = draw(st.permutations(list(INLINE.items())))[: draw(st.integers(0, 4))]
    return "{" + ", ".join(f"{name}: {value}" for name, value in chosen) + "}"


@st.composite
def files(draw: st.DrawFn, held: bool = True) -> str:
    """held: whether there may be what keeps keys in their places."""
    members = [
        f"  {number}:"
        + (f"  # at {number}\n" + draw(blocks(held, own=True)) if tall else f" {flow}\n")
        for number, tall, flow in (
            (number, draw(st.booleans()), draw(inline())) for number in (OTHER, NUMBER, "'+6125'")
        )
    ]
    sections = {
        "version": "version: 1\n",
        "property": "property: 0123  # at property\n",
        "defaults": f"defaults:\n{draw(blocks(held, own=False, indent='   '))}",
        "templates": f"templates:\n  one:\n{draw(blocks(held, own=False))}  1e3: {{}}\n",
        "numbers": "numbers:\n" + draw(st.sampled_from(["", "  # c\n", "\n"])).join(members),
    }
    chosen = draw(st.permutations(list(sections.values())))
    space = draw(st.sampled_from(["", "\n", "\n# between\n\n", "# about\n"]))
    start = draw(st.sampled_from(["", "# head\n", "# head\n\n", "---\n"]))
    shared = "x-sid: &sid AD9\nx-base: &base {Recording: Call, Friendly: 12}\n"
    text = start + shared + space.join(chosen) + draw(st.sampled_from(["", "# tail\n", "\n\n"]))
    text = text.removesuffix("\n") if draw(st.booleans()) else text
    text = text.replace("\n", draw(st.sampled_from(["\n", "\n", "\r\n"])))
    return draw(st.sampled_from(["", "", "\ufeff"])) + text


def loaded(text: str) -> Desired:
    return desired.parse([("f", text.encode())])


def said(declared: Desired) -> object:
    """All that a run takes from its files, without the places."""
    return [
        (each.number, each.fields, each.tags, each.protect, each.guards, each.companions)
        for each in declared.numbers.values()
    ], declared.limits


def made(text: str) -> str:
    """The text formatted, where it can be."""
    try:
        return fmt(text)
    except InputError:
        reject()


@given(files())
def test_the_desired_state_is_what_it_was(text: str) -> None:
    after = made(text)
    assert said(loaded(after)) == said(loaded(text))
    assert fmt(after) == after


@given(files())
def test_every_comment_is_there_and_with_its_key(text: str) -> None:
    after = made(text)
    comments = re.compile(r"#.*")
    assert sorted(each.rstrip() for each in comments.findall(after)) == sorted(
        each.rstrip() for each in comments.findall(text)
    )
    lines = after.splitlines()
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if at := re.search(r"# at (\S+)", line):
            assert re.match(rf' *"?{re.escape(at[1])}"?:', line)
        if above := re.search(r"# above (\S+)", line):
            assert below.lstrip().startswith(f"{above[1]}:")


@given(files())
def test_yaml_1_1_reads_what_we_read(text: str) -> None:
    # PyYAML wants each anchor once.
    assume(text.count("&sid") == 1 and text.count("&off") <= 1)
    after = made(text)
    ours = document.parse("f", after.encode()).root
    assert isinstance(ours, Block)
    assert plain({**yaml.safe_load(after), "version": "1"}) == plain(ours)


def plain(node: object) -> object:
    """Without what is of no matter: our `protect` is a text."""
    if isinstance(node, dict):
        return {key: plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(each) for each in node]
    return {"true": True, "false": False}.get(node, node) if isinstance(node, str) else node


@given(files(held=False))
def test_keys_are_in_order_where_nothing_holds_them(text: str) -> None:
    root = spans.read(made(text).removeprefix("\ufeff"))
    assert [key.text for key, _value in root.pairs] == [
        "x-sid", "x-base", "version", "property", "defaults", "templates", "numbers"
    ]  # fmt: skip
    ranks = ["<<", *entry_keys(), *schema.parameters()]
    sections = {key.text: value for key, value in root.pairs}
    members = [*sections["templates"].pairs, *sections["numbers"].pairs]
    for mapping in [sections["defaults"], *(value for _key, value in members)]:
        names = [key.text for key, _value in mapping.pairs]
        assert names == sorted(names, key=ranks.index)


# On the command line.

UNTIDY = entry("Recording: Off", "Friendly: Ann")
TIDY = entry("Friendly: Ann", 'Recording: "Off"')


def test_files_are_formatted_in_place_and_named(write: Write, reconciler: Run) -> None:
    write(UNTIDY, "all/a.yaml")
    write(TIDY, "all/b.yaml")
    ran = reconciler("fmt", "all")
    assert (ran.code, ran.out, ran.err) == (0, "all/a.yaml\n", "")
    assert Path("all/a.yaml").read_text() == Path("all/b.yaml").read_text() == TIDY
    again = reconciler("fmt", "all")
    assert (again.code, again.out, again.err) == (0, "", "")


def test_check_writes_nothing_and_names_what_would_change(write: Write, reconciler: Run) -> None:
    write(UNTIDY, "all/a.yaml")
    write(TIDY, "all/b.yaml")
    ran = reconciler("fmt", "all", "--check")
    assert (ran.code, ran.out) == (2, "all/a.yaml\n")
    assert ran.err == "Error: 1 file would change. Run reconciler fmt without --check.\n"
    assert Path("all/a.yaml").read_text() == UNTIDY
    assert reconciler("fmt", "all/b.yaml", "--check").code == 0


DIFF = f"""\
--- numbers.yaml
+++ numbers.yaml
@@ -1,5 +1,5 @@
 version: 1
 numbers:
   "{NUMBER}":
-    Recording: Off
     Friendly: Ann
+    Recording: "Off"
"""


def test_diff_shows_what_would_change_and_writes_nothing(write: Write, reconciler: Run) -> None:
    path = write(UNTIDY)
    ran = reconciler("fmt", path, "--diff")
    assert (ran.code, ran.out, Path(path).read_text()) == (0, DIFF, UNTIDY)
    checked = reconciler("fmt", path, "--diff", "--check")
    assert (checked.code, checked.out, Path(path).read_text()) == (2, DIFF, UNTIDY)


def test_a_diff_cannot_act_on_a_terminal(write: Write, reconciler: Run) -> None:
    ran = reconciler("fmt", write(UNTIDY.replace("Ann", "\u202eAnn # ##[error]")), "--diff")
    assert "\u202e" not in ran.out
    assert "##[" not in ran.out
    assert "\\u202eAnn # #\\u0023[error]" in ran.out


@pytest.mark.parametrize(
    ("flags", "code", "out"),
    [([], 0, TIDY), (["--check"], 2, "stdin\n"), (["--diff"], 0, DIFF)],
)
def test_editors_format_by_stdin(
    reconciler: Run, monkeypatch: pytest.MonkeyPatch, flags: list[str], code: int, out: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(UNTIDY.encode())))
    ran = reconciler("fmt", "-", *flags)
    assert (ran.code, ran.out) == (code, out.replace("numbers.yaml", "stdin"))


def test_the_projects_own_files_are_formatted(reconciler: Run) -> None:
    ran = reconciler("fmt", str(ROOT / "examples" / "numbers.yaml"), "--check")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


@pytest.mark.parametrize("flags", [[], ["--factor"]])
def test_what_export_writes_is_formatted(
    account: Account, reconciler: Run, flags: list[str]
) -> None:
    account.add(*({"Number": each.number, **each.fields} for each in live_numbers(60, seed=1)))
    Path("numbers.yaml").write_text(reconciler("export", "--all", *flags).out)
    ran = reconciler("fmt", "numbers.yaml", "--check")
    assert (ran.code, ran.out) == (0, "")


def test_the_hook_gets_the_files_of_the_commit(write: Write, reconciler: Run) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    (hook,) = (each for each in hooks if each["id"] == "reconciler-fmt")
    changes = ["numbers/sydney.yml", "numbers/au/perth.yaml", "README.md", "other/sydney.yml"]
    chosen = [name for name in changes if re.search(hook["files"], name)]
    assert chosen == changes[:2]
    for name in chosen:
        write(UNTIDY, name)
    name, *arguments = hook["entry"].split()
    assert (name, reconciler(*arguments, *chosen).out) == (
        "reconciler",
        "".join(f"{each}\n" for each in chosen),
    )


# Diffs.

LINES = st.lists(st.sampled_from("abc"), max_size=12)


@given(LINES, LINES, st.integers(0, 1))
def test_git_applies_a_diff(
    tmp_path_factory: pytest.TempPathFactory, old: list[str], new: list[str], many: int
) -> None:
    """Among so many lines that they are compared in runs, too."""
    folder = tmp_path_factory.mktemp("diff")
    common = "".join(f"{number}\n" for number in range(2_500 * many))
    before, after = ("\n".join(each) + common + "".join(each) for each in (old, new))
    (folder / "f").write_text(before)
    diff = "".join(f"{line}\n" for line in unified("f", before, after))
    assert bool(diff) == (before != after)
    if diff:
        assert shutil.which("git")
        command = ["git", "apply", "-p0", "--whitespace=nowarn"]
        subprocess.run(command, input=diff, text=True, cwd=folder, check=True)
    assert (folder / "f").read_text() == after
