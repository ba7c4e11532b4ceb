"""Another hand at work on the account while an apply is under way."""

from __future__ import annotations

import threading
from random import Random
from types import TracebackType

from harness import Account

_EVERY = 0.02  # seconds between two edits
_TOUCHED = 8  # numbers whose declared fields it changes, of those that a saved plan is about


class Hand:
    """Marks numbers in a field that no file declares, all the time; and changes what is declared of
    a few, where a saved plan is applied, which is to read each number again before it writes."""

    def __init__(self, account: Account, numbers: list[str], random: Random, on: str) -> None:
        self._account, self._numbers = account, numbers
        self._random = Random(random.random())
        few = self._random.sample(numbers, _TOUCHED) if on == "plan.json" else []
        self._few = frozenset(few)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._marks: dict[str, str] = {}
        self._values: dict[tuple[str, str], set[str]] = {}
        self._failure: BaseException | None = None

    def __enter__(self) -> Hand:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def mark(self, number: str) -> str | None:
        """What it set last where nobody else writes."""
        return self._marks.get(number)

    def values(self, number: str, name: str) -> set[str]:
        """All that it set a field to."""
        return self._values.get((number, name), set())

    def touched(self, number: str) -> bool:
        """Whether it changed anything of the number."""
        return number in self._marks or number in self._few

    def _work(self) -> None:
        try:
            count = 0
            while not self._over.wait(_EVERY):
                count += 1
                if self._few and count % 4 == 0:
                    self._edit(self._random.choice(sorted(self._few)), "Friendly", f"hand {count}")
                else:
                    number = self._random.choice(self._numbers[:20])
                    self._marks[number] = f"mark {count}"
                    self._edit(number, "Attribution_Content", f"mark {count}")
        except BaseException as failure:  # noqa: BLE001  told by the thread that waits for this one
            self._failure = failure

    def _edit(self, number: str, name: str, value: str) -> None:
        self._values.setdefault((number, name), set()).add(value)
        self._account.edit(number, **{name: value})
