"""How fast a whole run may ask: one Pacer, shared by its reads and its writes.

The API's limits are not documented, so they are learnt from its answers:

1. At first only the number of requests at once is held: FIRST_AT_ONCE, STEP more each round trip
   while all of them are in use, `most` in the end.
2. A refusal halves that number and, the first time, sets a rate: what was accepted a second so
   far. From then on requests begin evenly spaced. Where not even FIRST_AT_ONCE were accepted,
   nothing is known yet: the rate starts low and grows by SEARCH a second to its next refusal.
3. A refusal soon after the last (within HOLD) means that the rate is above the limit: the new aim
   is HEADROOM of it. The rate falls to what was accepted, at most to half, then nears the aim.
4. A rate that stood for HOLD is grown, slowly at first and then ever faster, for limits do rise.
   The refusal that ends this moves the aim only LEARN of the way up: what stood is what is known.
5. A refusal with nothing accepted since the one before says only "not yet": no cut, but a pause
   that doubles, and then one request at a time until one is accepted.
6. Retry-After holds everybody. Trouble (503, timeouts) counts as a refusal once it is more than
   now and then, and sets a rate only when it comes back: an outage says nothing about rates.

All that was under way at a cut is answered by that one cut. Turns are first come, first served.
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum, auto
from math import inf
from typing import NamedTuple

FIRST_AT_ONCE = 8  # as few as a browser opens: not rude, and tells a small bucket from a large one
STEP = 6.0  # 64 at once after 10 round trips; doubling instead would have 64 refused at a time
SPAN = 1.0  # seconds; limits are counted by the second or longer, so a burst is no rate
SEARCH = 2.5  # a second, exponentially: from 8 to 200 requests a second in 1.3 s
HEADROOM = 0.95  # under a rate that was refused: what is given away, against refused again at once
HOLD = 10.0  # seconds; a refusal may cost a pause of one second, so every tenth at most
GROWTH = 0.06  # times t², a second: 2 % after one second, twelvefold after GROWING
GROWING = 5.0  # seconds; after them, growth gets no faster
LEARN = 0.1  # of the way; growing passes a limit by up to a third before windows of a second tell
FAR = 0.8  # of a refused rate is not too much to aim at, however low the rate that stood
NEARING = 8  # accepted answers in which the gap to the aim shrinks to a third
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0  # seconds, ours; a try a second burdens no one
TROUBLES = 4  # in a row, or nearly; of 1 % at random, so many meet once in 10,000 requests
FORGIVEN = 0.05  # of one trouble by each good answer: lasting trouble above 5 % does add up
LATE = 0.005  # seconds; a timer that fires late may be caught up with, a longer gap may not
EARLY = 1e-6  # seconds; timers may fire this much before their time


class Verdict(Enum):
    """What an answer says about load."""

    WELL = auto()
    REFUSED = auto()  # 429, or 503 with Retry-After
    TROUBLED = auto()  # 5xx, no answer in time, no connection
    NEUTRAL = auto()  # nothing: cancelled, or failed for reasons of its own


class Turn(NamedTuple):
    """Leave to send one request; handed back with its verdict. `began` is in loop time."""

    began: float
    rate: float | None
    paced: bool  # whether the learnt rate, and nothing else, decided when it began


class Pacer:
    """At most `most` requests at once and, where given, never more than `max_rate` a second.

    Times are seconds of the running event loop's clock.
    """

    def __init__(self, most: int, *, max_rate: float | None = None) -> None:
        self.most = most
        self.max_rate = max_rate
        self.paused_until = -inf
        self._at_once = float(min(FIRST_AT_ONCE, most))
        self._rate: float | None = None
        self._aim = inf
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[Turn]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._last = -inf  # when the last request was due
        self._since = -inf  # the last cut, or the first request after having been idle
        self._accepted = 0  # of the requests begun since then
        self._fruitless = 0  # refusals in a row
        self._strain = 0.0  # troubles not yet forgiven
        self._troubled = -inf  # the last cut that trouble made

    @property
    def at_once(self) -> int:
        """How many requests may be under way now."""
        return 1 if self._fruitless else int(self._at_once)

    @property
    def rate(self) -> float | None:
        """Requests a second now; None while nothing but `at_once` holds them."""
        if self._rate is None or self.max_rate is None:
            return self._rate or self.max_rate
        return min(self._rate, self.max_rate)

    async def enter(self) -> Turn:
        """Waits for a turn; every Turn must be handed back by one leave()."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if not self._in_flight and now - max(self._last, self._due()) > SPAN:
            self._count_from(max(now, self._since))
        if not self._waiting and self._in_flight < self.at_once and self._due() <= now + EARLY:
            return self._begin(now)
        waiting: asyncio.Future[Turn] = loop.create_future()
        self._waiting.append(waiting)
        self._admit()
        try:
            return await waiting
        except asyncio.CancelledError:
            if not waiting.cancelled():  # the turn came in the same instant: to the next
                self._in_flight -= 1
            self._admit()
            raise

    def leave(self, turn: Turn, verdict: Verdict, retry_after: float | None = None) -> None:
        """Hands the turn back with what came of it; `retry_after` is in seconds."""
        now = asyncio.get_running_loop().time()
        if retry_after:
            self.paused_until = max(self.paused_until, now + retry_after)
        if verdict is Verdict.WELL:
            self._well(turn, now)
        elif verdict is Verdict.REFUSED:
            self._refused(turn, now, pause=not retry_after, learn=True)
        elif verdict is Verdict.TROUBLED:
            self._in_trouble(turn, now)
        self._in_flight -= 1
        if self._waiting:
            self._admit()

    def _begin(self, now: float) -> Turn:
        due, rate, on_time = self._due(), self.rate, self._timer is not None
        late = LATE if rate == self._rate else min(LATE, 1 / (rate or inf))
        self._last = max(due, now - late if on_time else now)
        self._in_flight += 1
        return Turn(now, rate if self._rate else None, on_time and rate == self._rate)

    def _due(self) -> float:
        """When the next request may begin."""
        rate = self.rate
        return max(self.paused_until, self._last + 1 / rate) if rate else self.paused_until

    def _admit(self) -> None:
        """Gives turns to those who wait, as far as they go, and sets the timer for the next."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._waiting and (self._waiting[0].done() or self._in_flight < self.at_once):
            if self._waiting[0].done():  # cancelled
                self._waiting.popleft()
            elif (due := self._due()) <= now + EARLY:
                self._waiting.popleft().set_result(self._begin(now))
            else:
                if self._timer is None or self._timer.when() <= now + EARLY:
                    self._timer = loop.call_at(due, self._admit)
                return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _well(self, turn: Turn, now: float) -> None:
        self._strain = max(0.0, self._strain - FORGIVEN)
        if self._in_flight >= int(self._at_once):
            grown = self._at_once + min(1.0, STEP / self._at_once)
            self._at_once = min(float(self.most), grown)
        if turn.began >= self._since:
            self._accepted += 1
            self._fruitless = 0
            if turn.paced and self._rate is not None:
                self._rate += self._growth(self._rate, now - self._since - HOLD)

    def _growth(self, rate: float, growing: float) -> float:
        """What one accepted answer adds to the rate: x for each is a growth by x a second."""
        if self._aim == inf:
            return SEARCH
        if growing > 0:
            return GROWTH * min(growing, GROWING) ** 2
        return max(0.0, self._aim - rate) / NEARING

    def _in_trouble(self, turn: Turn, now: float) -> None:
        self._strain += 1
        if self._strain >= TROUBLES or self._fruitless:
            again = self._accepted > 0 and now - self._troubled < HOLD
            self._troubled = now
            self._refused(turn, now, pause=True, learn=again)

    def _refused(self, turn: Turn, now: float, *, pause: bool, learn: bool) -> None:
        if turn.began < self._since:
            return
        self._at_once = max(1.0, self._at_once / 2)
        if turn.rate is not None and self._accepted and learn:
            self._lower(turn.rate, now - self._since)
        else:
            if self._rate is None and learn:
                self._estimate(now - self._since)
            wait = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**self._fruitless) if pause else 0.0
            self.paused_until = max(self.paused_until, now + wait)
            self._fruitless += 1
        self._count_from(max(now, self.paused_until))

    def _estimate(self, seconds: float) -> None:
        """The first rate: 2. in the module's text."""
        if self._accepted < FIRST_AT_ONCE:
            self._rate = float(FIRST_AT_ONCE)
        else:
            self._rate = self._aim = HEADROOM * self._accepted / max(SPAN, seconds)

    def _lower(self, refused: float, seconds: float) -> None:
        """The next rate, after `refused` was too much: 3. and 4. in the module's text."""
        if seconds > HOLD:
            self._aim += LEARN * (refused - self._aim)
            self._rate = self._aim = max(self._aim, FAR * refused)
        else:
            self._aim = HEADROOM * refused
            self._rate = min(self._aim, max(refused / 2, self._accepted / max(seconds, EARLY)))

    def _count_from(self, moment: float) -> None:
        self._since, self._accepted, self._strain = moment, 0, 0.0
