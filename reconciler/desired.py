"""Numbers files → desired state; all that is wrong in all files is said at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import islice

from reconciler import document, overlay, rules, schema, sourcefiles
from reconciler.check import Checker, Finding, Path
from reconciler.declared import Declarations, Declared
from reconciler.document import Document, section
from reconciler.errors import InputError, Problem
from reconciler.explain import Explainer
from reconciler.layers import Layers
from reconciler.model import Desired, DesiredNumber, Limit, Source, SourceFile, Value
from reconciler.overlay import Overlays
from reconciler.references import Expansion
from reconciler.rules.companions import missing_properties, missing_targets
from reconciler.secret import Secret
from reconciler.sourcefiles import Examined, Files
from reconciler.tree import Block, Items, Node
from reconciler.words import E164, NearMisses

_SECTIONS = frozenset(("defaults", "templates", "numbers"))
# A file of nothing but mistakes must end in seconds.
_MOST_FINDINGS = 10_000
_NONE: frozenset[str] = frozenset()


def load(paths: Sequence[str], today: date | None = None, overlays: Sequence[str] = ()) -> Desired:
    """The desired state that files and folders declare, with the warnings about it.

    `today` (in UTC) is what the dates of `ignore` are held against. `overlays` are files that are
    merged over the others, in this order; they are none of the others.

    Raises InputError with every error of every file, SetupError for a broken installation.
    """
    return traced(paths, today, overlays)[0]


def traced(
    paths: Sequence[str], today: date | None = None, overlays: Sequence[str] = ()
) -> tuple[Desired, Declarations]:
    """As `load`, and each number still with the blocks that its fields come from."""
    with document.paused_collection():
        files = sourcefiles.read(paths, overlays)
        declared = _sound(files, today)
        return _desired(files, declared), declared


def parse(
    files: Files,
    today: date | None = None,
    prefix: str = "",
    overlays: Files = (),
    expansion: Expansion | None = None,
) -> Desired:
    """As `load`, for files that are at hand, each its path and its bytes; `prefix` is put before
    the paths wherever they are told of. An `expansion` may leave references in; what they would
    bring is not judged then."""
    with document.paused_collection():
        found = sourcefiles.examined(files, overlays, prefix, expansion)
        return _desired(found, _sound(found, today, expanded=expansion is None))


def declarations(files: Files, today: date | None = None, overlays: Files = ()) -> Declarations:
    """As `parse`, and each number still with the blocks that its fields come from."""
    with document.paused_collection():
        return _sound(sourcefiles.examined(files, overlays), today)


def mistakes(found: Document) -> list[Problem]:
    """What is wrong with one file by itself, whatever the other files and its references bring."""
    explainer = Explainer(_first_places([found])[0], NearMisses())
    return list(_schema_problems([found], explainer, expanded=False))


def _desired(files: Examined, declared: Declarations) -> Desired:
    sources = tuple(
        SourceFile(each.path, each.sha256, each.path in declared.overlays) for each in files.all
    )
    warnings = rules.warnings(declared, {each.path: each.silences for each in files.all})
    return Desired(
        _finished(declared.numbers, bool(declared.origins)),
        sources,
        tuple(_limits(files)),
        warnings,
    )


def _sound(files: Examined, today: date | None, *, expanded: bool = True) -> Declarations:
    """What the documents declare. Raises InputError with all that is wrong."""
    declared, wrong = _resolved(files, today or datetime.now(UTC).date(), expanded=expanded)
    if files.problems or wrong:
        # An alias makes one place be read many times; what is wrong there is said once.
        raise InputError(list(dict.fromkeys([*files.problems, *wrong])))
    return declared


def _resolved(
    files: Examined, today: date, *, expanded: bool
) -> tuple[Declarations, list[Problem]]:
    """What the trees declare, and all that is wrong with them."""
    known = [each for each in files.documents if _version_is_known(each.root)]
    above = [each for each in files.overlays if _version_is_known(each.root)]
    misses = NearMisses()
    first, problems = _first_places(known)
    problems += _schema_problems(files.all, Explainer(first, misses), expanded=expanded)
    overlays = Overlays(above, known, first, misses)
    layers = Layers(files.documents, overlays, misses, today)
    found: dict[str, Declared] = {}
    for each in [*known, *above]:
        for declared in layers.declared(each):
            found.setdefault(declared.number, declared)
    numbers = {number: found[number] for number in sorted(found)}
    problems += [
        *overlays.problems,
        *layers.problems,
        *missing_targets(numbers.values()),
        *missing_properties(numbers.values()),
    ]
    made = Declarations(
        numbers=numbers,
        templates=layers.templates,
        used=layers.used,
        today=today,
        removed=overlays.removed,
        overlays=tuple(each.path for each in above),
        origins=files.origins,
    )
    return made, problems


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


def _schema_problems(
    documents: Sequence[Document], explainer: Explainer, *, expanded: bool = True
) -> Iterator[Problem]:
    checker = Checker()
    for each in documents:
        findings = _first_of_each(checker.findings(_to_judge(each.root)))
        if not expanded:
            findings = (finding for finding in findings if not _refers(finding.error.instance))
        for finding in islice(findings, _MOST_FINDINGS):
            yield explainer.problem(each.path, each.root, finding)
        if next(findings, None) is not None:
            yield Problem(each.path, 1, 1, f"checking stopped after {_MOST_FINDINGS:,} errors")


def _refers(value: object) -> bool:
    return isinstance(value, str) and "${" in value


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


def _limits(files: Examined) -> Iterator[Limit]:
    told = overlay.last(files.overlays, "limits")
    for each in files.documents if told is None else [told]:
        text = section(each, "limits").get("max_changes")
        if isinstance(text, str):
            yield Limit(int(text.removesuffix("%")), text.endswith("%"))


def _finished(numbers: Mapping[str, Declared], secrets: bool) -> dict[str, DesiredNumber]:
    companions: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    tags: dict[tuple[str, ...], tuple[str, ...]] = {}
    guarded: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    return {
        number: DesiredNumber(
            number=number,
            fields=_managed(declared),
            source=Source(declared.path, declared.line),
            # Few of these differ from one number to the next, so they are kept once.
            companions=companions.setdefault(pairs := _companions(declared), dict(pairs)),
            tags=tags.setdefault(labels := _tags(declared), labels),
            protect=_said(declared, "protect") == "true",
            guards=guarded.setdefault(told := guards(declared.file), dict(told)),
            sensitive=_overridden(declared) if secrets else _NONE,
        )
        for number, declared in numbers.items()
    }


def _overridden(declared: Declared) -> frozenset[str]:
    """The fields that have a secret in one layer, whatever a later one says."""
    blocks = (*(layer.block for layer in declared.beneath), *(each for _, each in declared.entries))
    return frozenset(
        name for block in blocks for name, value in block.items() if isinstance(value, Secret)
    )


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


def _tags(declared: Declared) -> tuple[str, ...]:
    tags = _said(declared, "tags")
    return tags.texts() if isinstance(tags, Items) else ()


def _said(declared: Declared, key: str) -> Node:
    """What a number's entry, or the last overlay with a word on it, says under a key of ours."""
    _path, entry = declared.saying(key)
    return entry.get(key)


def guards(file: Mapping[str, Node]) -> tuple[tuple[str, str], ...]:
    """What the top level of a file demands of the read-only fields of its numbers."""
    return tuple(
        (name, told)
        for key, name in (("account", "AccountSid"), ("property", "PropertySid"))
        if isinstance(told := file.get(key), str)
    )
