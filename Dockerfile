# Apify pulls this image once per machine, so that containers start fast; it offers moving tags only.
FROM apify/actor-python:3.13 AS build

WORKDIR /build
COPY requirements.txt ./
# Wheels alone: nothing is compiled. The environment has no pip of its own.
RUN python -m venv --without-pip /opt/reddit-mcp \
 && python -m pip --python /opt/reddit-mcp/bin/python install \
    --no-cache-dir --only-binary :all: --no-deps --require-hashes --requirement requirements.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src ./src
# setuptools, which is among the requirements, builds the package, and has no place in a server.
RUN python -m pip --python /opt/reddit-mcp/bin/python install --no-cache-dir --no-deps --no-build-isolation . \
 && python -m pip --python /opt/reddit-mcp/bin/python uninstall --yes setuptools


FROM apify/actor-python:3.13

# Owned before it is a volume: a new volume takes over owner and mode.
RUN install --directory --owner myuser --group myuser --mode 0700 /data
COPY --from=build /opt/reddit-mcp /opt/reddit-mcp

ENV PATH=/opt/reddit-mcp/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DATA_DIR=/data

# The base image lets the system choose this user's number, so that only its name is sure.
# hadolint ignore=DL3066
USER myuser
EXPOSE 8080

# For plain Docker; Apify asks once whether the server is up, in its own way.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ.get(\"MCP_SERVER_PORT\", 8080)}/health/ready')"]

CMD ["python", "-m", "reddit_mcp", "actor"]
