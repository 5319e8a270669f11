"""A load over HTTP that costs the machine of the servers little: wrk where it is installed, else raw sockets."""

import asyncio
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Load:
    """One measurement: calls a second, and the latencies in milliseconds."""

    rate: float
    p50: float
    p99: float
    bad: int = 0


async def load(url: str, body: bytes, headers: Mapping[str, str], connections: int, seconds: float) -> Load:
    """Send the same request over so many connections, each as soon as the last one is answered."""
    measure = _wrk if shutil.which("wrk") else _sockets
    return await measure(url, body, headers, connections, seconds)


async def _wrk(url: str, body: bytes, headers: Mapping[str, str], connections: int, seconds: float) -> Load:
    lines = [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
    script = "\n".join(['wrk.method = "POST"', *lines, f"wrk.body = {_lua(body)}"])
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        words = ["-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--latency", "-s", file.name, url]
        process = await asyncio.create_subprocess_exec("wrk", *words, stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
    return _read(out.decode())


def _lua(body: bytes) -> str:
    return '"' + "".join(f"\\{byte:03d}" for byte in body) + '"'


def _read(text: str) -> Load:
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])  # type: ignore[index]
    share = {name: _milliseconds(value) for name, value in re.findall(r"^\s+(50|99)%\s+(\S+)", text, re.MULTILINE)}
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return Load(rate, share["50"], share["99"], int(bad[1]) if bad else 0)


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


async def _sockets(url: str, body: bytes, headers: Mapping[str, str], connections: int, seconds: float) -> Load:
    parts = urlsplit(url)
    head = {"Host": parts.netloc, "Content-Length": str(len(body)), **headers}
    request = f"POST {parts.path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in head.items())
    until, taken, bad = time.perf_counter() + seconds, list[float](), 0

    async def one() -> None:
        nonlocal bad
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while (began := time.perf_counter()) < until:
            writer.write(request.encode() + b"\r\n" + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", answer, re.IGNORECASE)
            await reader.readexactly(int(length[1]) if length else 0)
            bad += not answer.startswith(b"HTTP/1.1 200")
            taken.append((time.perf_counter() - began) * 1000)
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    share = quantiles(taken, n=100)
    return Load(len(taken) / seconds, share[49], share[98], bad)


def request(version: str, tool: str, arguments: bytes, key: str = "") -> tuple[bytes, dict[str, str]]:
    """The body and the headers of a tool call in one of the two eras of the protocol."""
    modern = version >= "2026"
    meta = (
        b',"_meta":{"io.modelcontextprotocol/protocolVersion":"%b","io.modelcontextprotocol/clientInfo":'
        b'{"name":"load","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}' % version.encode()
    )
    params = b'{"name":"%b","arguments":%b%b}' % (tool.encode(), arguments, meta if modern else b"")
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": version,
        **({"Mcp-Method": "tools/call", "Mcp-Name": tool} if modern else {}),
        **({"X-API-Key": key} if key else {}),
    }
    return b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":%b}' % params, headers


def saved(folder: Path, name: str, content: bytes) -> Path:
    """A file for another process to read."""
    path = folder / name
    path.write_bytes(content)
    return path
