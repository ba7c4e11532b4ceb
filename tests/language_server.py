"""yaml-language-server as an editor has it: over its stdin and stdout, one thing at a time."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

HOME = Path(__file__).parent / "editor" / "node_modules" / "yaml-language-server"
# Generous, for it ends only a test that has failed.
SECONDS = 120

CAPABILITIES = {
    "workspace": {"configuration": True},
    "textDocument": {
        "completion": {"completionItem": {"snippetSupport": True}},
        "hover": {"contentFormat": ["markdown"]},
        "publishDiagnostics": {},
    },
}

Message = dict[str, Any]
Messages = queue.Queue[Message | None]


class LanguageServer:
    """What an editor knows of a server that runs: the lines and columns count from 0."""

    def __init__(self, stdin: BinaryIO, said: Messages, settings: Message) -> None:
        self._stdin = stdin
        self._said = said
        self._settings = settings
        self._asked = 0
        self._diagnostics: dict[str, list[Message]] = {}
        self._ask("initialize", processId=None, rootUri=None, capabilities=CAPABILITIES)
        self._tell("initialized")
        self._until(lambda message: message.get("method") == "workspace/configuration")

    def open(self, path: Path, text: str) -> None:
        """As if the text were in the file; nothing is read from there."""
        document = {"uri": path.as_uri(), "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", textDocument=document)

    def diagnostics(self, path: Path) -> list[Message]:
        """What is wrong with an open file."""
        if path.as_uri() not in self._diagnostics:
            self._until(lambda _: path.as_uri() in self._diagnostics)
        return self._diagnostics[path.as_uri()]

    def complete(self, path: Path, line: int, column: int) -> dict[str, Message]:
        """The proposals at a place of an open file, by their labels."""
        found = self._at("completion", path, line, column)
        return {item["label"]: item for item in found["items"]}

    def hover(self, path: Path, line: int, column: int) -> str:
        """The Markdown for a place of an open file."""
        text: str = self._at("hover", path, line, column)["contents"]["value"]
        return text

    def stop(self) -> None:
        self._ask("shutdown")
        self._tell("exit")

    def _at(self, what: str, path: Path, line: int, column: int) -> Any:
        document, place = {"uri": path.as_uri()}, {"line": line, "character": column}
        return self._ask(f"textDocument/{what}", textDocument=document, position=place)

    def _ask(self, method: str, **parameters: Any) -> Any:
        self._asked += 1
        number = self._asked
        self._send(id=number, method=method, params=parameters)
        answer = self._until(lambda said: "method" not in said and said["id"] == number)
        return answer["result"]

    def _tell(self, method: str, **parameters: Any) -> None:
        self._send(method=method, params=parameters)

    def _until(self, wanted: Callable[[Message], bool]) -> Message:
        """Reads on to what is wanted, and answers what the server asks in between."""
        while (message := self._said.get(timeout=SECONDS)) is not None:
            if "method" in message and "id" in message:
                self._send(id=message["id"], result=self._answer(message))
            elif message.get("method") == "textDocument/publishDiagnostics":
                told = message["params"]
                self._diagnostics[told["uri"]] = told["diagnostics"]
            if wanted(message):
                return message
        raise EOFError("the language server has ended")

    def _answer(self, message: Message) -> Any:
        if message["method"] != "workspace/configuration":
            return None
        return [self._settings.get(item.get("section")) for item in message["params"]["items"]]

    def _send(self, **message: Any) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
        self._stdin.flush()


@contextmanager
def running(node: str, settings: Message) -> Iterator[LanguageServer]:
    """A server with these settings, by section; raises queue.Empty where it says nothing."""
    command = [node, str(HOME / "bin" / "yaml-language-server"), "--stdio"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
        assert process.stdin is not None
        said: Messages = queue.Queue()
        reader = threading.Thread(target=_read, args=(process.stdout, said))
        reader.start()
        try:
            server = LanguageServer(process.stdin, said, settings)
            yield server
            server.stop()
        finally:
            process.kill()
            reader.join()


def _read(stdout: BinaryIO, into: Messages) -> None:
    """Each message as it comes, and None at the end."""
    length = 0
    while header := stdout.readline():
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        elif header == b"\r\n":
            into.put(json.loads(stdout.read(length)))
    into.put(None)
