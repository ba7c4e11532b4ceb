"""Names for templates, from what is in them. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count

from reconciler import schema

# What the titles of parameters say beside what they are about.
_FILLERS = frozenset(
    ("as", "attribution", "forward", "friendly", "method", "name", "number", "receiver", "sender",
     "text", "texts", "url")
)  # fmt: skip
# Of a URL the host, of an e-mail address who it is for; what else is in them may be secret.
_TELLING = re.compile(r"[a-z]+://(?:[^/?#@]*@)?([^/?#:]+)|([^@]+)@", re.IGNORECASE)
_LONGEST = 32


def names(
    blocks: Sequence[tuple[str, Mapping[str, str]]], taken: Collection[str] = ()
) -> list[str]:
    """A name for each block, as in flow-cfg-sales: none of the taken ones, and none twice.

    A block comes with the name of the field whose value sets it apart from the others.
    """
    found: dict[str, None] = dict.fromkeys(taken)
    shared = Counter(item for _, block in blocks for item in block.items())
    for key, block in blocks:
        tried = _candidates(key, block, shared)
        found[next(name for name in tried if name not in found)] = None
    return list(found)[len(taken) :]


def _candidates(
    key: str, block: Mapping[str, str], shared: Mapping[tuple[str, str], int]
) -> Iterator[str]:
    """The names it might have, the most telling first; there is no end of them."""
    parameters = schema.parameters()
    targets = {name for each in parameters.values() for name in each.requires.values()}
    items = sorted(
        block.items(),
        key=lambda item: (shared[item], item[0] not in targets, item[0] != key),
    )
    plain = [_name(parameters[name].title, text) for name, text in items]
    yield from plain
    yield from (f"{plain[0]}-{number}" for number in count(2))


def _name(title: str, text: str) -> str:
    """("Attribution campaign", "Spring 2026") -> "campaign-spring-2026"."""
    words = [_slug(word) for word in title.replace("e-mail", "email").split()]
    about = [word for word in words if word not in _FILLERS]
    if telling := _TELLING.match(text):
        text = telling[1] or telling[2]
    slug = _slug(text)[:_LONGEST].strip("-")
    return "-".join(word for word in [*about, slug] if word) or "shared"


def _slug(text: str) -> str:
    """Lower-case ASCII letters and digits, with hyphens in place of all else."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "-", plain).strip("-")
