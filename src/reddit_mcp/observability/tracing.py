"""Spans to an OpenTelemetry collector: the protocol's own, and one for each question to a source; off by default."""

from reddit_mcp import __version__
from reddit_mcp.errors import Unavailable
from reddit_mcp.settings import Settings


def configure(settings: Settings) -> None:
    """Send spans from now on, if OTEL_EXPORTER_OTLP_ENDPOINT is set; the rest is written when the process ends.

    Raises:
        Unavailable: the extra that sends them is not installed.
    """
    endpoint = settings.otel_exporter_otlp_endpoint
    if endpoint is None:
        return
    from opentelemetry import trace

    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise Unavailable(
            "OTEL_EXPORTER_OTLP_ENDPOINT needs the extra: pip install 'mcp-for-reddit[tracing]'."
        ) from error
    who = {
        "service.name": "reddit-mcp-server",
        "service.version": __version__,
        "deployment.environment.name": settings.environment,
    }
    provider = TracerProvider(resource=Resource.create(who))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")))
    trace.set_tracer_provider(provider)
