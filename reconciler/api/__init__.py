"""The Numbers API over HTTP: requests, retries, pacing, error mapping.

Nothing of the HTTP libraries leaves this package: what goes wrong is an ApiError.
"""

from reconciler.api.access import Access
from reconciler.api.client import ATTEMPTS, Api, connect

__all__ = ["ATTEMPTS", "Access", "Api", "connect"]
