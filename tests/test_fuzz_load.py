"""Whatever a numbers file holds, loading it gives a desired state or a list of problems."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler import desired
from reconciler.errors import InputError

PIECES = st.sampled_from(
    ["version: 1\n", "numbers:\n", "defaults:\n", "templates:\n", "limits:\n", "account: AC1\n",
     "  +61255500001:\n", "  +61255500002: *a\n", "    use: [a]\n", "    use: a\n", "  a: &a\n",
     "    Recording: Off\n", "    Recording: [\n", "    RoutingMethod: Flow\n", "    Flow: ~\n",
     "    SendSmsTo: +61255500001\n", "    <<: *a\n", "    tags: [a, b]\n", "    protect: true\n",
     "    ignore: {Flow: {reason: a, until: 2027-01-31}}\n", "    ignore: {Flow: x}\n",
     "  max_changes: 5%\n", "x-y: {a: b}\n", "    Friendly: \"\\ud800\"\n", "    : \n", "? a\n"]
)  # fmt: skip

# Everything that unfolds, nests or repeats, within the memory of a small container.
HUNGRY = """
import resource, sys, tempfile
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from reconciler import desired
from reconciler.errors import InputError
def many(count, line):
    return "".join(line(i) for i in range(1, count))
bomb = "a0: &a0 [x, x]\\n" + many(60, lambda i: f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\\n")
merges = "x-a: &a {b: c}\\n" + many(2000, lambda i: f"x-{i}: {{<<: [{'*a, ' * 99}*a]}}\\n")
wide = "x-a: &a [" + "1, " * 9000 + "1]\\n" + many(900, lambda i: f"x-{i}: [{'*a, ' * 50}*a]\\n")
wrong = many(9999, lambda i: f"  +6125550{i:04}: {{Nope: 1, Recording: x}}\\n")
texts = [bomb, merges, wide, "[" * 1_000_000, "{a: " * 300_000, "- " * 500_000, "&a " * 300_000]
for text in [*texts, "version: 1\\nnumbers:\\n" + wrong]:
    path = Path(tempfile.mkdtemp()) / "numbers.yaml"
    path.write_text(text)
    try:
        desired.load([str(path)])
    except InputError:
        continue
    sys.exit("was taken: " + text[:40])
"""


@settings(max_examples=400, deadline=3000)
@given(st.lists(PIECES, max_size=25).map("".join) | st.binary(max_size=300))
def test_loading_ends_with_a_desired_state_or_with_problems(text: str | bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "numbers.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with contextlib.suppress(InputError):
            desired.load([str(path)])


def test_what_unfolds_nests_or_repeats_is_refused_within_a_gigabyte() -> None:
    subprocess.run([sys.executable, "-c", HUNGRY], check=True, timeout=120)
