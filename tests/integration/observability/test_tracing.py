"""Spans arrive at a collector: the protocol's and one for each question, in one trace, without what was asked for."""

import gzip
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.server_process import environment, server
from tests.support.tool_calls import asking

WITHOUT_EXTRA = """
import sys
sys.modules["opentelemetry.sdk.trace"] = None
from reddit_mcp.cli.parser import main
sys.exit(main(["serve"]))
"""


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """The receiving end of OTLP over HTTP; gives its address and the bodies."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["content-length"]))
            bodies.append(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    receiving = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=receiving.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{receiving.server_port}", bodies
    finally:
        receiving.shutdown()
        thread.join()
        receiving.server_close()


async def test_a_question_is_a_span_below_the_call(tmp_path: Path) -> None:
    with collector() as (endpoint, bodies), server(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint) as url:
        async with asking(url) as ask:
            await ask("search_reddit", query="a private question", time_filter="all")
            await ask("search_reddit", query="a private question", time_filter="all")
    requests = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    spans = [
        span
        for request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    (asked,) = (span for span in spans if span.name == "ask sample")  # the second answer came from the cache
    calls = {span.span_id: span for span in spans if "search_reddit" in span.name}
    assert len(calls) == 2
    assert asked.trace_id in {call.trace_id for call in calls.values()}
    assert {each.key for each in asked.attributes} == {"reddit_mcp.source", "reddit_mcp.kind"}
    assert not any(b"private question" in body for body in bodies)


def test_without_the_extra_it_is_one_clear_line(tmp_path: Path) -> None:
    everything = environment(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRA], env=everything, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr == (
        "mcp-for-reddit: OTEL_EXPORTER_OTLP_ENDPOINT needs the extra: pip install 'mcp-for-reddit[tracing]'.\n"
    )
