"""The flags that several commands share, and what they amount to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from reconciler.model import Limit

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

if TYPE_CHECKING:
    from click import ParamType as ParamType
else:

    class ParamType(click.ParamType):
        """click's own takes no type at run time in the releases before 8.4."""

        def __class_getitem__(cls, _: object) -> type[ParamType]:
            return cls


API_URL = "https://api.fonedynamics.com"
# What a comment on GitHub may have.
MAX_BYTES = 65_536
# Less than the summary of a plan may take.
MIN_BYTES = 4_096
SANDBOX_DB = Path(".reconciler/sandbox.sqlite")


def option(*names: str, **how: Any) -> Decorator:
    """click.option that can also be given as RECONCILER_<FLAG>."""
    long = next(name for name in names if name.startswith("--"))
    flag = long.removeprefix("--").replace("-", "_").upper()
    how.setdefault("envvar", f"RECONCILER_{flag}")
    return click.option(*names, **how)


def given(name: str) -> bool:
    """Whether a flag of this command is on the command line, and not only in the environment."""
    source = click.get_current_context().get_parameter_source(name)
    return source is ParameterSource.COMMANDLINE


class Finite(click.FloatRange):
    """A range of floats without nan and infinity, which pass all comparisons or none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number = float(super().convert(value, param, ctx))
        if not isfinite(number):
            self.fail(f"{value!r} is no number to reckon with.", param, ctx)
        return number


@dataclass(frozen=True, slots=True)
class Selection:
    target: tuple[str, ...]
    exclude: tuple[str, ...]
    tag: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """One more form of the result, and the file that it goes to."""

    format: str
    file: Path


@dataclass(frozen=True, slots=True)
class Output:
    """`reports`, `max_bytes` and `no_ci` are as their flags have it, and empty for the commands
    without them."""

    format: str
    no_color: bool
    quiet: bool
    verbose: int
    report: tuple[Report, ...] = ()
    max_bytes: int = MAX_BYTES
    no_ci: bool = True
    expand: bool = False

    @property
    def verbosity(self) -> int:
        return -1 if self.quiet else self.verbose


@dataclass(frozen=True, slots=True)
class Connection:
    """`fetch` is as --fetch has it, and each for the commands without that flag; `no_check_flows`
    as --no-check-flows has it."""

    api_url: str
    account_sid: str | None
    token_file: Path | None
    ca_file: Path | None
    timeout: float
    retry_for: float
    parallelism: int
    max_rate: float | None
    insecure_http: bool
    sandbox: bool
    sandbox_db: Path
    fetch: str = "each"
    no_check_flows: bool = False


def gather(kind: type[Any], name: str, *options: Decorator) -> Decorator:
    """A decorator that adds the options and hands them over as one object of `kind`."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def gathered(*args: Any, **given: Any) -> Any:
            named = [field.name for field in fields(kind) if field.name in given]
            parts = {name: given.pop(name) for name in named}
            return command(*args, **{name: kind(**parts)}, **given)

        wrapped: Callable[..., Any] = gathered
        for each in reversed(options):
            wrapped = each(wrapped)
        return wrapped

    return decorate


paths = click.argument("paths", metavar="PATH...", nargs=-1, required=True)

overlay = option(
    "--overlay",
    multiple=True,
    type=click.Path(dir_okay=False),
    help="Merge this numbers file over the others (repeatable, a later one wins): it changes their "
    "numbers, and takes out or adds one only where it says so.",
)

fetch = option(
    "--fetch",
    type=click.Choice(["each", "list", "auto"]),
    default="each",
    show_default=True,
    help="Read numbers one a request (each), 200 a request from the account's list, or by the list "
    "where that takes fewer requests (auto).",
)

strict = option("--strict", is_flag=True, help="Let warnings fail the run.")

selection = gather(
    Selection,
    "selection",
    option(
        "--target",
        multiple=True,
        metavar="NUMBER_OR_GLOB",
        help="Only these numbers (repeatable).",
    ),
    option(
        "--exclude", multiple=True, metavar="NUMBER_OR_GLOB", help="Not these numbers (repeatable)."
    ),
    option("--tag", multiple=True, help="Only numbers with any of these tags (repeatable)."),
)


class ReportType(ParamType[Report]):
    """FORMAT=FILE, for some of the formats."""

    name = "FORMAT=FILE"

    def __init__(self, formats: Sequence[str]) -> None:
        self._formats = formats

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Report:
        if isinstance(value, Report):
            return value
        form, equals, file = str(value).partition("=")
        if form not in self._formats or not equals or file in ("", "-"):
            wanted = ", ".join(self._formats)
            self.fail(f"{value!r} is not like html=plan.html; formats: {wanted}", param, ctx)
        return Report(form, Path(file))


PLAN_FORMATS = ("text", "json", "markdown", "html", "gitlab", "github", "sarif")
RESULT_FORMATS = ("text", "json", "markdown")
PROBLEM_FORMATS = ("text", "json", "github", "sarif")


def output(*formats: str) -> Decorator:
    """How the result is told, on stdout and elsewhere, in any of these formats."""
    return gather(
        Output,
        "output",
        option(
            "--format",
            type=click.Choice(formats),
            default="text",
            show_default=True,
            help="How the result is written to stdout.",
        ),
        option(
            "--report",
            multiple=True,
            type=ReportType(formats),
            help="Write the result to a file as well (repeatable).",
        ),
        *(_MARKDOWN if "markdown" in formats else ()),
        *(_TEXT if "markdown" in formats else ()),
        option("--no-color", is_flag=True, help="No colours (NO_COLOR does the same)."),
        option("-q", "--quiet", is_flag=True, help="No progress."),
        option("-v", "--verbose", count=True, help="Tell each retry; twice: each request."),
    )


_TEXT = (
    option(
        "--expand",
        is_flag=True,
        help="In text, show each number by itself and each value whole, however many and long.",
    ),
)
_MARKDOWN = (
    option(
        "--max-bytes",
        type=click.IntRange(min=MIN_BYTES),
        default=MAX_BYTES,
        show_default=True,
        help="The most that Markdown may take: whole changes are left out, and counted.",
    ),
    option(
        "--no-ci",
        is_flag=True,
        help="On GitHub, leave $GITHUB_STEP_SUMMARY and $GITHUB_OUTPUT alone.",
    ),
)

connection = gather(
    Connection,
    "connection",
    option("--api-url", default=API_URL, show_default=True, help="Where the API is."),
    option("--account-sid", help="The account; without it, the one that the files name."),
    option(
        "--token-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="A file that holds the API token; else RECONCILER_TOKEN.",
    ),
    option(
        "--ca-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Certificates (PEM) to trust in place of the usual ones; as SSL_CERT_FILE.",
    ),
    option(
        "--timeout",
        metavar="SECONDS",
        type=Finite(min=0, min_open=True),
        default=10.0,
        show_default=True,
        help="Seconds that one request may take.",
    ),
    option(
        "--retry-for",
        metavar="SECONDS",
        type=Finite(min=0),
        default=120.0,
        show_default=True,
        help="Seconds of trying after which a number fails.",
    ),
    option(
        "--parallelism",
        metavar="N",
        type=click.IntRange(1, 1024),
        default=64,
        show_default=True,
        help="The most requests at once.",
    ),
    option(
        "--max-rate",
        type=Finite(min=0, min_open=True),
        metavar="N",
        help="The most requests a second; slower by itself where the API asks for it.",
    ),
    option("--insecure-http", is_flag=True, help="Allow http:// to other hosts than this one."),
    option("--sandbox", is_flag=True, help="Run against the embedded API; needs no account."),
    option(
        "--sandbox-db",
        type=click.Path(path_type=Path, dir_okay=False),
        default=SANDBOX_DB,
        show_default=True,
        help="Where the embedded API keeps its state.",
    ),
)


class LimitType(ParamType[Limit]):
    """N or P%."""

    name = "N|P%"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Limit:
        text = str(value).removesuffix("%")
        percent = str(value).endswith("%")
        if not (text.isascii() and text.isdigit()) or (percent and int(text) > 100):
            self.fail(f"{value!r} is neither a count nor a percentage, as in 20 or 10%", param, ctx)
        return Limit(int(text), percent)


out = option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Save the plan here.")

max_changes = option(
    "--max-changes",
    type=LimitType(),
    help="The most numbers to write  [default: what the files say, else the larger of 5 and 30%]",
)
