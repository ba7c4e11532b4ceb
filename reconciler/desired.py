"""Numbers files → desired state; all that is wrong in all files is said at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import islice

from reconciler import document, rules, schema
from reconciler.check import Checker, Finding, Path
from reconciler.document import Document
from reconciler.errors import InputError, Problem
from reconciler.explain import Explainer
from reconciler.layers import Layers, section
from reconciler.model import Desired, DesiredNumber, Limit, Source, SourceFile, Value
from reconciler.rules import Declared
from reconciler.tree import Block, Items, Node
from reconciler.words import E164, NearMisses

_SECTIONS = frozenset(("defaults", "templates", "numbers"))
# A file of nothing but mistakes must end in seconds.
_MOST_FINDINGS = 10_000


def load(paths: Sequence[str], today: date | None = None) -> Desired:
    """The desired state that files and folders declare, with the warnings about it.

    `today` (in UTC) is what the dates of `ignore` are held against.

    Raises InputError with every error of every file, SetupError for a broken installation.
    """
    with document.paused_collection():
        documents, problems = _documents(paths)
        sources = tuple(SourceFile(each.path, each.sha256) for each in documents)
        numbers, wrong, warnings = _resolved(documents, today or datetime.now(UTC).date())
        if problems or wrong:
            # An alias makes one place be read many times; what is wrong there is said once.
            raise InputError(list(dict.fromkeys([*problems, *wrong])))
        limits = tuple(_limits(documents))
        warnings = sorted([*warnings, *rules.warnings(numbers)])
        return Desired(_finished(numbers), sources, limits, tuple(warnings))


def _documents(paths: Sequence[str]) -> tuple[list[Document], list[Problem]]:
    files, problems = document.search(paths)
    documents = []
    for file in files:
        try:
            found, wrong = document.examine(str(file), document.read_bytes(file))
        except InputError as error:
            problems += error.problems
            continue
        problems += wrong
        if found is not None:
            documents.append(found)
    return documents, problems


def _resolved(
    documents: Sequence[Document], today: date
) -> tuple[dict[str, Declared], list[Problem], list[Problem]]:
    """Each number by its E.164 form, sorted, all that is wrong with the trees, and warnings."""
    known = [each for each in documents if _version_is_known(each.root)]
    misses = NearMisses()
    first, problems = _first_places(known)
    problems += _schema_problems(documents, Explainer(first, misses))
    layers = Layers(documents, misses, today)
    found: dict[str, Declared] = {}
    for each in known:
        for declared in layers.declared(each):
            found.setdefault(declared.number, declared)
    numbers = {number: found[number] for number in sorted(found)}
    problems += [*layers.problems, *rules.missing_targets(numbers.values())]
    return numbers, problems, layers.warnings


def _version_is_known(root: Node) -> bool:
    """False where the rest of the file may mean something else than it does here."""
    if not isinstance(root, Block):
        return False
    if "version" not in root:
        return not _SECTIONS.isdisjoint(root)
    validator = schema.validator("numbers")
    versions = validator.evolve(schema=schema.load("numbers")["properties"]["version"])
    return versions.is_valid(root["version"])


def _first_places(documents: Sequence[Document]) -> tuple[dict[str, str], list[Problem]]:
    """Where each number is declared first, as FILE:LINE, and the places where it is again."""
    first: dict[str, str] = {}
    problems = []
    for each in documents:
        numbers = section(each, "numbers")
        for number, _entry, line in numbers.lines():
            if not E164.fullmatch(number):
                continue
            if number in first:
                message = f"{number} is declared twice; it is first at {first[number]}"
                problems.append(Problem(each.path, *numbers.key_at(number), message))
            else:
                first[number] = f"{each.path}:{line}"
    return first, problems


def _schema_problems(documents: Sequence[Document], explainer: Explainer) -> Iterator[Problem]:
    checker = Checker()
    for each in documents:
        findings = _first_of_each(checker.findings(_to_judge(each.root)))
        for finding in islice(findings, _MOST_FINDINGS):
            yield explainer.problem(each.path, each.root, finding)
        if next(findings, None) is not None:
            yield Problem(each.path, 1, 1, f"checking stopped after {_MOST_FINDINGS:,} errors")


def _first_of_each(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Not what else a value is, that has the wrong type to begin with."""
    mistyped: Path | None = None
    for finding in findings:
        if finding.path != mistyped:
            yield finding
        if finding.error.validator == "type":
            mistyped = finding.path


def _to_judge(root: Node) -> Node:
    """Of a file in a version that is not known only the version, not to drown that in others."""
    if not isinstance(root, Block) or _version_is_known(root):
        return root
    only = Block()
    if "version" in root:
        only["version"] = root["version"]
    return only


def _limits(documents: Sequence[Document]) -> Iterator[Limit]:
    for each in documents:
        text = section(each, "limits").get("max_changes")
        if isinstance(text, str):
            yield Limit(int(text.removesuffix("%")), text.endswith("%"))


def _finished(numbers: Mapping[str, Declared]) -> dict[str, DesiredNumber]:
    companions: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    tags: dict[tuple[str, ...], tuple[str, ...]] = {}
    guards: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    return {
        number: DesiredNumber(
            number=number,
            fields=_managed(declared),
            source=Source(declared.path, declared.line),
            # Few of these differ from one number to the next, so they are kept once.
            companions=companions.setdefault(pairs := _companions(declared), dict(pairs)),
            tags=tags.setdefault(labels := _texts(declared.entry.get("tags")), labels),
            protect=declared.entry.get("protect") == "true",
            guards=guards.setdefault(told := _guards(declared.file), dict(told)),
        )
        for number, declared in numbers.items()
    }


def _managed(declared: Declared) -> Mapping[str, Value]:
    if not declared.ignored:
        return declared.fields
    return {name: value for name, value in declared.fields.items() if name not in declared.ignored}


def _companions(declared: Declared) -> tuple[tuple[str, str], ...]:
    return tuple(
        (parameter.name, parameter.requires[value])
        for parameter in schema.parameters().values()
        if parameter.requires
        and (value := declared.fields.get(parameter.name))
        and value in parameter.requires
    )


def _texts(node: Node) -> tuple[str, ...]:
    return tuple(each for each in node if isinstance(each, str)) if isinstance(node, Items) else ()


def _guards(file: Block) -> tuple[tuple[str, str], ...]:
    """What the top level of a file demands of the read-only fields of its numbers."""
    return tuple(
        (name, told)
        for key, name in (("account", "AccountSid"), ("property", "PropertySid"))
        if isinstance(told := file.get(key), str)
    )
