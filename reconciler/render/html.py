"""A plan as one self-contained web page: a summary, a chart, and changes to search and filter.

Whatever the page shows is made inert and then escaped by the template's engine, so there is nothing
to forget. The page fetches nothing, runs its own script alone, and can be read without it.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template

from reconciler import __version__
from reconciler.model import FieldChange, Origin, Plan
from reconciler.render.differing import Cut, cut
from reconciler.render.sections import by_field, sections
from reconciler.render.text import summary
from reconciler.words import beside, inert, value


def plan(made: Plan) -> str:
    """The page; the same for the same plan, to the byte."""
    verdict, _, more = summary(made).removesuffix(".").partition(". ")
    style, script = _asset("page.css"), _asset("page.js")
    return _template().render(
        plan=made,
        verdict=verdict,
        more=more,
        sections=sections(made),
        fields=by_field(made),
        tags=_tally(change.tags for change in made.changes),
        origins=_origins(made),
        style=style,
        script=script,
        policy=_policy(style, script),
        version=__version__,
    )


def _policy(style: str, script: str) -> str:
    """Nothing but this style and this script; the empty icon keeps browsers from asking for one."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


def _tally(labels: Iterable[Iterable[str]]) -> dict[str, int]:
    """How many numbers have each label, by name."""
    return dict(sorted(Counter(label for each in labels for label in set(each)).items()))


def _origins(made: Plan) -> Mapping[Origin, int]:
    """How many numbers have each origin, in the order of the origins; none without a baseline."""
    found = Counter(
        origin
        for change in made.changes
        for origin in {each.origin for each in change.fields.values()}
    )
    return {origin: found[origin] for origin in Origin if found[origin]}


def _sides(each: FieldChange) -> tuple[Cut, Cut]:
    """Before and after as they are shown, each cut where they differ."""
    return cut(value(each.before), value(each.after))


def _inert(shown: object) -> object:
    """What is markup already has been through this, or is the page's own."""
    return inert(shown) if isinstance(shown, str) and not hasattr(shown, "__html__") else shown


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True,
        finalize=_inert,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["sides"] = _sides
    environment.filters["beside"] = beside
    environment.filters["count"] = "{:,}".format
    return environment.from_string(_asset("page.html.jinja"))


@cache
def _asset(name: str) -> str:
    """A file that stands beside this module and is part of it."""
    return resources.files("reconciler.render").joinpath(name).read_text("utf-8")
