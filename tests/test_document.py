"""YAML bytes → text with places, or a refusal."""

from __future__ import annotations

import gc
import hashlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reconciler import document
from reconciler.builder import DEEPEST
from reconciler.errors import InputError, Problem
from reconciler.tree import Block, Items


def parsed(text: str | bytes) -> Block:
    data = text if isinstance(text, bytes) else text.encode()
    root = document.parse("numbers.yaml", data).root
    assert isinstance(root, Block)
    return root


def refused(text: str | bytes) -> tuple[Problem, ...]:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(InputError) as raised:
        document.parse("numbers.yaml", data)
    return raised.value.problems


@pytest.mark.parametrize(
    "text",
    ["Off", "On", "yes", "no", "true", "0412", "2026-11-23", "1_000", "0x1F", "0o17", "1e3", ".inf",
     ".NaN", "12:30:45", "=", "+61255500001", "nUll", "nil", "None", "-1", "1.0"],
)  # fmt: skip
def test_a_plain_scalar_is_text_as_it_is_written(text: str) -> None:
    assert parsed(f"Friendly: {text}") == {"Friendly": text}


@pytest.mark.parametrize("text", ["null", "Null", "NULL", "~", ""])
def test_a_plain_null_is_nothing(text: str) -> None:
    assert parsed(f"Friendly: {text}") == {"Friendly": None}


@pytest.mark.parametrize("text", ["'null'", '"null"', "!!str null"])
def test_a_quoted_null_is_text(text: str) -> None:
    assert parsed(f"Friendly: {text}") == {"Friendly": "null"}


def test_an_unquoted_number_is_a_key_with_its_plus() -> None:
    assert parsed("+61255500001:\n0x10: a\nOff: b\n~: c") == {
        "+61255500001": None,
        "0x10": "a",
        "Off": "b",
        "~": "c",
    }


def test_every_key_and_value_has_its_place() -> None:
    root = parsed("a: b\nc:\n  - d\n  - e: f\n")
    assert (root.key_at("a"), root.value_at("a")) == ((1, 1), (1, 4))
    items = root["c"]
    assert isinstance(items, Items)
    assert items.item_at(1) == (4, 5)
    assert isinstance(items[1], Block)
    assert items[1].value_at("e") == (4, 8)


def test_columns_count_characters_and_not_bytes() -> None:
    assert parsed("{é: ü, x: y}").key_at("x") == (1, 8)


def test_the_lines_of_a_block_follow_its_keys() -> None:
    assert list(parsed("a: 1\n\nb: 2\n").lines()) == [("a", "1", 1), ("b", "2", 3)]


def test_an_explicit_key_wins_over_a_merged_one_wherever_it_stands() -> None:
    root = parsed("x: &x {a: 1, b: 1}\ny: {a: 2, <<: *x}\nz: {<<: *x, a: 2}\n")
    assert root["y"] == root["z"] == {"a": "2", "b": "1"}


def test_an_earlier_mapping_of_a_merge_list_wins() -> None:
    root = parsed("x: &x {a: 1}\ny: &y {a: 2, b: 2}\nz: {<<: [*x, *y]}\n")
    assert root["z"] == {"a": "1", "b": "2"}


def test_a_merge_reaches_through_what_was_merged_before() -> None:
    root = parsed("x: &x {a: 1}\ny: &y {<<: *x, b: 2}\nz: {<<: *y}\n")
    assert root["z"] == {"a": "1", "b": "2"}


def test_a_merged_key_keeps_the_place_it_comes_from() -> None:
    block = parsed("x: &x {a: 1}\nz: {<<: *x}\n")["z"]
    assert isinstance(block, Block)
    assert block.value_at("a") == (1, 11)


def test_a_quoted_merge_key_is_a_plain_key() -> None:
    assert parsed('"<<": x') == {"<<": "x"}


def test_an_anchor_that_is_given_again_stands_for_the_later_node() -> None:
    root = parsed("a: &x 1\nb: *x\nc: &x [&x 2, *x]\nd: *x\n")
    assert (root["b"], root["c"], root["d"]) == ("1", ["2", "2"], "2")


def test_a_byte_order_mark_is_not_part_of_the_text() -> None:
    assert parsed(b"\xef\xbb\xbfa: b") == {"a": "b"}


def test_the_checksum_is_that_of_the_bytes() -> None:
    data = b"a: b\r\n"
    assert document.parse("x", data).sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("data", ["a: b".encode("utf-16"), "a: b".encode("utf-16-le")])
def test_utf_16_is_refused_by_name(data: bytes) -> None:
    assert "UTF-16" in refused(data)[0].message


def test_a_bad_byte_is_told_by_its_line_and_column() -> None:
    (problem,) = refused(b"\xef\xbb\xbfa: \xc3\xbc\nb: \xc3\xbc\xff\n")
    assert (problem.line, problem.column) == (2, 5)


def test_a_control_character_is_refused_at_its_place() -> None:
    (problem,) = refused(b"a: b\x07")
    assert (problem.line, problem.column) == (1, 5)
    assert "U+0007" in problem.message


def test_a_repeated_key_names_the_first_even_when_keys_lie_between() -> None:
    problems = refused("a: 1\na: 2\nb: 3\nb: 4\na: 5\n")
    assert [(each.line, each.message[-3:]) for each in problems] == [
        (2, "1:1"),
        (4, "3:1"),
        (5, "1:1"),
    ]


def test_a_tag_constructs_nothing(tmp_path: Path) -> None:
    target = tmp_path / "made"
    refused(f"a: !!python/object/apply:pathlib.Path.touch [{target}]")
    assert not target.exists()


def test_nesting_up_to_the_limit_is_read() -> None:
    document.parse("x", b"[" * DEEPEST + b"]" * DEEPEST)


def test_many_uses_of_one_anchor_are_no_bomb() -> None:
    entries = "".join(f"n{index}: {{<<: *x, own: y}}\n" for index in range(2000))
    fields = ", ".join(f"f{index}: v" for index in range(40))
    assert len(parsed(f"x: &x {{{fields}}}\n{entries}")) == 2001


def test_a_merge_of_very_much_very_often_is_refused() -> None:
    fields = ", ".join(f"f{index}: v" for index in range(5000))
    assert "unfold" in refused(f"x: &x {{{fields}}}\ny:\n" + "- <<: *x\n" * 5000)[0].message


HOSTILE = [
    "[", "{", "- ", "? ", "a: ", '"', "'", "%TAG !a! b\n", "!a ", "&a ", "*a ", "#", ":", ",",
    "[a,", "{a: ", "[[],", "[? ", "\t", "a", "a\n", "a: b\n", "? a\n", "-\n", "---\n", "@",
    "|\n", "&a [*a,", "\\", "\u2028", "\x85%",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_a_megabyte_of_anything_ends_in_seconds(text: str) -> None:
    data = (text * (1_000_000 // len(text.encode()))).encode()
    start = time.process_time()
    document.examine("x", data)
    assert time.process_time() - start < 8


def test_a_megabyte_of_repeated_keys_ends_in_seconds() -> None:
    data = "".join(f"k{index}: a\nk{index}: b\n" for index in range(40_000)).encode()
    start = time.process_time()
    assert len(document.examine("x", data)[1]) == 40_000
    assert time.process_time() - start < 8


def test_garbage_collection_is_on_again_after_a_refusal() -> None:
    assert gc.isenabled()
    refused("[")
    assert gc.isenabled()


def test_a_folder_is_its_yaml_files_sorted_without_hidden_ones(tmp_path: Path) -> None:
    names = ["b.yaml", "a.yml", "sub/c.yaml", ".hidden.yaml", ".git/d.yaml", "readme.md"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = document.find([str(tmp_path)])
    assert [str(each.relative_to(tmp_path)) for each in found] == ["a.yml", "b.yaml", "sub/c.yaml"]


def test_a_file_that_is_reached_twice_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.touch()
    (tmp_path / "link.yaml").symlink_to(file)
    assert document.find([str(file), str(tmp_path), str(file)]) == [file]


def test_folders_that_link_in_a_circle_are_searched_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    assert document.find([str(tmp_path)]) == [tmp_path / "a.yaml"]


def test_every_missing_path_and_empty_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        document.find([str(tmp_path / "nope.yaml"), str(tmp_path), ""])
    assert [(each.path, each.line) for each in raised.value.problems] == [
        ('""', 1),
        (str(tmp_path), 1),
        (str(tmp_path / "nope.yaml"), 1),
    ]


def test_a_broken_link_in_a_folder_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "numbers.yaml").symlink_to(tmp_path / "gone")
    (file,) = document.find([str(tmp_path)])
    with pytest.raises(InputError, match="cannot be read"):
        document.read(file)


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "large.yaml"
    with file.open("wb") as opened:
        opened.truncate(document.LARGEST + 1)
    with pytest.raises(InputError, match="1024 MiB"):
        document.read(file)


def test_without_libyaml_the_installation_is_told_to_be_incomplete() -> None:
    code = (
        "import sys; sys.modules['yaml._yaml'] = None\n"
        "from reconciler import document, errors\n"
        "try: document.parse('x', b'a: b')\n"
        "except errors.SetupError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "without libyaml" in done.stdout
