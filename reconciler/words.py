"""Words for people: values quoted so that they cannot act, lists, and near misses.

Pure text to text; nothing here knows of files or of the API.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches

from reconciler.named import Named
from reconciler.secret import HIDDEN_TEXT, Secret

E164 = re.compile(r"\+[1-9][0-9]{1,14}")

_LONGEST = 60
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SEPARATORS = re.compile(r"[\s\-./()\u2010-\u2015\u00a0]|\(0\)")
_JOINTS = re.compile(r"[\s_.\-]")
_FEWEST_DIGITS_WITH_COUNTRY = 11
# GitHub, Azure Pipelines and TeamCity take these for commands wherever in a line they stand.
_COMMAND = re.compile(r"##(?=[A-Za-z]*\[)")
# GitHub takes a line that begins so for a command.
_COMMAND_LINE = re.compile(r"^( *):(?=:)")


def inert(text: str) -> str:
    """The text with nothing left that a terminal or a log would act on: "\\x1b" -> "\\\\u001b".

    What acts is what is not printable (controls, line ends, bidirectional marks), and what a CI
    takes for a command wherever in a line it stands.
    """
    if text.isprintable() and "##" not in text:
        return text
    return without_commands("".join(map(_inert, text)))


def without_commands(text: str) -> str:
    """The text with "##[error]" as "#\\u0023[error]", which is the same to who reads JSON."""
    return _COMMAND.sub(r"#\\u0023", text) if "##" in text else text


def as_line(text: str) -> str:
    """The text as a line of its own: inert, and no command even where data begins it."""
    told = inert(text)
    return _COMMAND_LINE.sub(r"\1\\u003a", told) if "::" in told else told


def quoted(text: str) -> str:
    """A value in double quotes, shortened and inert; what is secret is not in it."""
    if isinstance(text, Secret):
        return HIDDEN_TEXT
    return _marked(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def value(text: str | None) -> str:
    """A field's value in double quotes, all of it and inert; the bare word unset for none, and
    (sensitive) for what is secret. What is given by name is {name: "Sales IVR"}."""
    if isinstance(text, Secret):
        return HIDDEN_TEXT
    if isinstance(text, Named):
        return f"{{name: {_marked(text)}}}"
    return _marked(text) if text else "unset"


def beside(name: str | None) -> str:
    """What people call a value, shortened and inert, to stand after it: " (Sales IVR)"."""
    return f" ({quoted(name)[1:-1]})" if name else ""


def counted(count: int, noun: str) -> str:
    """1 number, 2,000 numbers."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _marked(text: str) -> str:
    return '"' + inert(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def _inert(character: str) -> str:
    return character if character.isprintable() else _ESCAPES.get(character) or _coded(character)


def _coded(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def either(words: Iterable[str]) -> str:
    """'"Off" or "Call"'."""
    *most, last = map(quoted, words)
    return f"{', '.join(most)} or {last}" if most else last


def guessed_e164(text: str) -> str | None:
    """The E.164 form of a number written another way, None where its country is not in it.

    "+61 2 5550 0001", "0061255500001", "001161255500001" and "61255500001" have one; "(02) 5550
    0001" has none.
    """
    digits = _SEPARATORS.sub("", text.replace("(0)", ""))
    for prefix in ("+", "0011", "00"):
        if digits.startswith(prefix):
            digits = digits.removeprefix(prefix)
            break
    else:
        if len(digits) < _FEWEST_DIGITS_WITH_COUNTRY:
            return None
    return f"+{digits}" if E164.fullmatch(f"+{digits}") else None


def national_digits(text: str) -> str:
    """A number as it is dialled at home, without its leading 0: "(02) 5550 0001" -> 255500001."""
    return _SEPARATORS.sub("", text).removeprefix("0")


class NearMisses:
    """Finds the word that was meant, spending a bounded amount of work on it in all.

    A file of nothing but mistakes must end in seconds; past the budget only case and joints
    ("recording", "Routing Method") are looked at.
    """

    def __init__(self, budget: int = 50_000) -> None:
        self._budget = budget

    def of(self, word: str, known: Collection[str]) -> str | None:
        plain = _plain(word)
        if not plain or len(word) > _LONGEST or self._budget < len(known):
            return None
        self._budget -= len(known)
        spelt = {_plain(each): each for each in known}
        if plain in spelt:
            return spelt[plain]
        close = get_close_matches(plain, spelt, n=1, cutoff=0.7)
        return spelt[close[0]] if close else None

    def hint(self, word: str, known: Collection[str]) -> str:
        """'; did you mean "Off"?', or nothing."""
        near = self.of(word, known)
        return f"; did you mean {quoted(near)}?" if near is not None else ""


def _plain(word: str) -> str:
    return _JOINTS.sub("", word).casefold()
