"""What may go wrong during a round of the soak."""

from __future__ import annotations

from random import Random

# Each is struck by a share of the requests, or a number of times.
_SHARED = [
    "500:method={method}",
    "500:method=POST,carried-out=yes",
    "502:method={method}",
    "503:method={method},retry-after=0",
    "504:method=POST,carried-out=yes",
    "429:method={method}",
    "drop-before:method={method}",
    "drop-after:method={method}",
    "cut:method={method}",
    "wrong-length:by=9,method={method}",
    "wrong-length:by=-9,method={method}",
    "garbage:method={method}",
    "garbage:method=POST,carried-out=no",
    "close:method={method}",
    "slow:bytes-per-second=3000,method={method}",
    "hang-after:method=POST",
    "late:seconds=0.7,method=POST",
    "other-number:method={method}",
    "large:method={method}",
    "ignored:field=Recording",
    "normalised:field=SendSmsTo,how=strip-plus",
    "status:code=400,body=json,method=POST",
    "status:code=302,method={method}",
]
_WHOLE = ["429:rate=60", "429:rate=100,window=1,retry-after=1", "outage:seconds=1"]
_ENDS = ["401:after={after}", "403:method=POST,after={after}"]


def drawn(random: Random) -> list[str]:
    """Up to three faults; none at all, one time in ten."""
    found = []
    for _ in range(random.choice([0, 1, 1, 1, 2, 2, 2, 3, 3, 3])):
        kind = random.choice(random.choices([_SHARED, _WHOLE, _ENDS], [8, 2, 1])[0])
        spec = kind.format(
            method=random.choice(["GET", "POST", "any"]), after=random.randint(1, 80)
        )
        if kind in _SHARED:
            limits = [f"share={random.choice([0.05, 0.2])}", f"times={random.randint(1, 9)}"]
            joint = "," if ":" in spec else ":"
            spec += f"{joint}{random.choice(limits)},seed={random.randint(0, 999)}"
        found.append(spec)
    return found
