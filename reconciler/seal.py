"""What proves that a saved plan is the one that was made: a digest, or with a key an HMAC.

The digest finds accidents and careless edits; who can write the file can also write a new digest.
With a key, only who has the key can. `created_at` is left out, so that the same plan, made
twice, has the same digest.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

_PLAIN, _KEYED = "sha256", "hmac-sha256"
_NOT_SEALED = frozenset({"created_at", "digest"})


def digest(data: Mapping[str, Any], key: str | None) -> str:
    """sha256:…, or hmac-sha256:… with a key, over the plan's data."""
    sealed = {name: value for name, value in data.items() if name not in _NOT_SEALED}
    text = json.dumps(sealed, sort_keys=True, separators=(",", ":")).encode()
    if key:
        return f"{_KEYED}:{hmac.new(key.encode(), text, hashlib.sha256).hexdigest()}"
    return f"{_PLAIN}:{hashlib.sha256(text).hexdigest()}"


def objection(data: Mapping[str, Any], key: str | None) -> str | None:
    """Why the data's own digest cannot be trusted, in words that follow "it"; None if it can."""
    claimed = str(data.get("digest", ""))
    kind = claimed.partition(":")[0]
    if key and kind != _KEYED:
        return "is not signed, and RECONCILER_PLAN_KEY asks for a signature"
    if not key and kind == _KEYED:
        return "is signed, and without RECONCILER_PLAN_KEY the signature cannot be checked"
    if not hmac.compare_digest(claimed.encode(), digest(data, key).encode()):
        return "was altered since it was made, or was signed with another key"
    return None
