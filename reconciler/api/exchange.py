"""One request and its answer, over httpx; what goes wrong in between is an ApiError.

Requests go to httpx's transport and not through its client: of what the client adds, cookies,
redirects and authentication flows are not wanted, and its share of the CPU was two fifths. The
transport is aiohttp's, as httpx's own slows down with each connection that it has open.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from reconciler import __version__
from reconciler.api.access import Access
from reconciler.api.answers import Answer
from reconciler.errors import ApiError, Rejected, SetupError, Stopping, Unreachable, Unreadable

MOST_BYTES = 1 << 20
KEPT_ALIVE = 30.0


class Exchange:
    """Asks one API as one account; connections are kept alive until `aclose`."""

    def __init__(self, access: Access, transport: httpx.AsyncBaseTransport) -> None:
        self._access = access
        self._transport = transport
        self._extensions: dict[str, object] = {"timeout": {}}
        self._headers = httpx.Headers(
            {
                "Authorization": f"Basic {access.basic}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "Content-Type": "application/json",
                "User-Agent": f"reconciler/{__version__}",
            }
        )

    async def ask(self, method: str, path: str, content: bytes | None = None) -> Answer:
        """The whole answer, whatever its status. Raises ApiError where there is none.

        Redirects are not followed, so credentials go to no other host.
        """
        try:
            async with asyncio.timeout(self._access.timeout):
                return await self._ask(method, path, content)
        except TimeoutError:
            raise Unreachable("Timeout", f"No answer in {self._access.timeout:g} s.") from None
        except (aiohttp.ClientPayloadError, httpx.ReadError, httpx.DecodingError):
            raise Unreadable("CutAnswer", "The answer broke off.") from None
        except (aiohttp.ClientResponseError, httpx.RemoteProtocolError):
            raise Unreadable("NotHttp", "The answer is not valid HTTP.") from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise Stopping("BadUrl", "The API's URL is not one that can be asked.") from None
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            raise _unreachable(error) from None

    async def _ask(self, method: str, path: str, content: bytes | None) -> Answer:
        request = httpx.Request(
            method,
            self._access.url + path,
            headers=self._headers,
            content=content,
            extensions=self._extensions,
        )
        response = await self._transport.handle_async_request(request)
        try:
            return Answer(response.status_code, response.headers, await _body(response))
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        await self._transport.aclose()


async def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MOST_BYTES:
            raise Rejected("AnswerTooLarge", "The answer is larger than 1 MiB.")
    return bytes(body)


def transport(access: Access, connections: int) -> httpx.AsyncBaseTransport:
    """What carries the requests. Proxies come from the environment (HTTP_PROXY, HTTPS_PROXY,
    ALL_PROXY, NO_PROXY) but not for this machine, certificates from SSL_CERT_FILE or `ca_file`;
    .netrc is not read. Raises SetupError."""
    context = _certificates(access)

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=connections, keepalive_timeout=KEPT_ALIVE, ssl=context
        )
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    return AiohttpTransport(verify=context, proxy=_proxy(access), client=session)


def _certificates(access: Access) -> ssl.SSLContext:
    if access.url.startswith("http:"):
        # It is never used, and loading the usual certificates takes a while.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if access.ca_file is not None:
            return ssl.create_default_context(cafile=access.ca_file)
        return httpx.create_ssl_context()
    except OSError as error:
        raise SetupError(f"The certificates cannot be loaded: {error.strerror}.") from None


def _proxy(access: Access) -> httpx.Proxy | None:
    parts = urlsplit(access.url)
    if access.loopback or proxy_bypass(parts.netloc):
        return None
    proxies = getproxies()
    url = proxies.get(parts.scheme) or proxies.get("all")
    if url is None:
        return None
    if not url.startswith(("http://", "https://")):
        raise SetupError("The proxy in the environment is no http:// or https:// URL.")
    return httpx.Proxy(url)


def _unreachable(error: BaseException) -> ApiError:
    """What to say of no connection; a certificate that is not trusted will not be so next time."""
    cause = error.__cause__ or error
    if isinstance(cause, aiohttp.ClientConnectorCertificateError):
        why = getattr(cause.certificate_error, "verify_message", "it cannot be verified")
        message = f"The API's certificate is not trusted: {why}. See SSL_CERT_FILE."
        return Stopping("CertificateRejected", message)
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return Unreachable("Unreachable", f"The API's host {cause.host} is not known.")
    if isinstance(cause, aiohttp.ClientConnectorError):
        number = cause.os_error.errno
        why = os.strerror(number).lower() if number else "no connection"
        return Unreachable("Unreachable", f"The API cannot be reached: {why}.")
    return Unreachable("Unreachable", "The API cannot be reached, or closed the connection.")
