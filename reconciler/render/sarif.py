"""Plans and problems as SARIF 2.1.0, for GitHub's code scanning and what else reads it.

A plan has one result for each field of each number: an alert that is dismissed for one field then
hides no other, and closes when that field is as declared. Fingerprints are of what is wrong, not
of the line, so that an alert stays the same one while its file is edited.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, islice
from typing import Any
from urllib.parse import quote

from reconciler import __version__
from reconciler.errors import Problem
from reconciler.model import Change, Failure, FieldChange, Origin, Plan
from reconciler.render.excerpt import sides
from reconciler.render.json import document
from reconciler.words import inert

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
# Code scanning refuses a run with more results.
MOST = 25_000
LONGEST = 1_000
UNREADABLE, DRIFT, DECLARED, INVALID = "unreadable", "drift", "declared", "invalid-numbers-file"
_OURS = {
    UNREADABLE: (
        "A number could not be planned",
        "Its live configuration could not be read, or is not one that the files may change. "
        "Nothing is known of its drift until the cause is gone.",
    ),
    DRIFT: (
        "The live configuration is not as declared",
        "Somebody changed it outside of the files, or the change was never applied. Apply the "
        "files, or declare the live value in them.",
    ),
    DECLARED: (
        "Declared, and not applied yet",
        "The files changed since the baseline, and the live configuration has not moved. An apply "
        "brings it about.",
    ),
    INVALID: (
        "Not a valid numbers file",
        "The file says something that it must not, so nothing can be planned from it.",
    ),
}
# Code scanning shows messages in comments, where these would be links, mentions and elements.
_MARKUP = re.compile(r"(?<=\])\(|(?<!\w)@(?=\w)|<(?=[A-Za-z/!?])")


@dataclass(frozen=True, slots=True)
class Result:
    """Something to tell of a place; `identity` is what makes it the same in the next run. `line`
    and `column` count from 1; `column` is 0 where it is not known."""

    rule: str
    level: str
    message: str
    identity: Sequence[str]
    path: str | None
    line: int = 1
    column: int = 0


def plan(made: Plan) -> str:
    """The gravest first: what could not be planned, drift, warnings, and what is declared and not
    applied yet."""
    # A failure is of no known place; code scanning shows nothing that has none.
    source = made.sources[0].path if made.sources else None
    results = chain(
        (_failure(failure, source) for failure in made.errors),
        _changes(made, DRIFT, "warning"),
        (_problem(problem, "warning") for problem in made.warnings),
        _changes(made, DECLARED, "note"),
    )
    fields = sum(len(change.fields) for change in made.changes)
    return _text(results, len(made.errors) + fields + len(made.warnings))


def problems(errors: Sequence[Problem], warnings: Sequence[Problem]) -> str:
    """What is wrong with numbers files, and what looks wrong."""
    results = chain(
        (_problem(problem, "error") for problem in errors),
        (_problem(problem, "warning") for problem in warnings),
    )
    return _text(results, len(errors) + len(warnings))


def _failure(failure: Failure, source: str | None) -> Result:
    message = f"{failure.number} could not be planned: {failure.code}: {failure.message}"
    return Result(UNREADABLE, "error", message, (failure.number,), source)


def _changes(made: Plan, rule: str, level: str) -> Iterator[Result]:
    """Those fields that were declared since the baseline, or the others."""
    for change in made.changes:
        for name, each in change.fields.items():
            if (each.origin is Origin.DECLARED) is (rule == DECLARED):
                message = _sentences(change, name, each)
                at = (change.source.path, change.source.line)
                yield Result(rule, level, message, (change.number, name), *at)


def _sentences(change: Change, name: str, each: FieldChange) -> str:
    live, wanted = sides(each)
    who = f"{change.number} {change.friendly}" if change.friendly else change.number
    told = f"{who}: {name} is {live}, and declared as {wanted}."
    if each.origin is Origin.BOTH:
        told += " Both the file and somebody else have changed it."
    if change.protected:
        told += " The number is protected, so an apply does not write it."
    return told


def _problem(problem: Problem, level: str) -> Result:
    rule = inert(problem.rule) or INVALID
    identity = (problem.path, problem.message)
    at = (problem.path, problem.line, problem.column)
    return Result(rule, level, problem.message, identity, *at)


def _text(results: Iterable[Result], count: int) -> str:
    told = list(islice(results, MOST))
    levels = {result.rule: result.level for result in told}
    rules = {rule: index for index, rule in enumerate(levels)}
    driver = {
        "name": "reconciler",
        "version": __version__,
        "rules": [_rule(rule, level) for rule, level in levels.items()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        **_cut(count - len(told)),
        "results": [
            _result(result, rules, fingerprint)
            for result, fingerprint in zip(told, _fingerprints(told), strict=True)
        ],
    }
    return document({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _cut(left: int) -> dict[str, Any]:
    if not left:
        return {}
    text = f"{left:,} results are left out: code scanning takes {MOST:,} in one run."
    told = {"level": "warning", "message": {"text": text}}
    return {"invocations": [{"executionSuccessful": True, "toolExecutionNotifications": [told]}]}


def _rule(rule: str, level: str) -> dict[str, Any]:
    name = _plain(rule.replace("-", " ").capitalize())
    title, text = _OURS.get(rule) or (
        name,
        "A numbers file is valid here, and still looks wrong. A comment on the line, "
        f"`# reconciler: ignore[{_plain(rule)}]`, says that it is right.",
    )
    return {
        "id": rule,
        "shortDescription": {"text": title},
        "fullDescription": {"text": text},
        "help": {"text": text},
        "defaultConfiguration": {"level": level},
    }


def _result(result: Result, rules: dict[str, int], fingerprint: str) -> dict[str, Any]:
    return {
        "ruleId": result.rule,
        "ruleIndex": rules[result.rule],
        "level": result.level,
        "message": {"text": _plain(result.message)},
        "locations": [_location(result)] if result.path is not None else [],
        # The name is GitHub's: it heeds no other fingerprint.
        "partialFingerprints": {"primaryLocationLineHash": fingerprint},
    }


def _location(result: Result) -> dict[str, Any]:
    column = {"startColumn": result.column} if result.column else {}
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(result.path or "")},
            "region": {"startLine": result.line, **column},
        }
    }


def _uri(path: str) -> str:
    """A path as a reference relative to the working directory, or as a file:// URI."""
    escaped = quote(path, errors="surrogatepass")
    return f"file://{escaped}" if path.startswith("/") else escaped


def _fingerprints(results: Iterable[Result]) -> Iterator[str]:
    """One for each; where several are the same in all but the line, they are numbered."""
    seen: Counter[str] = Counter()
    for result in results:
        text = "\0".join((result.rule, *result.identity))
        digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        seen[digest] += 1
        yield f"{digest}:{seen[digest]}"


def _plain(text: str) -> str:
    """The text inert, at most LONGEST characters of it, and with no markup that would act."""
    told = inert(text)
    told = told if len(told) <= LONGEST else f"{told[:LONGEST]}…"
    return _MARKUP.sub(lambda found: f"\\u{ord(found[0]):04x}", told)
