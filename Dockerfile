# The server on a CPU, without torch. Build: docker build -t earwitness .   Run: see docs/how-to/server.md
FROM python:3.12-slim AS build
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY src src
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12-slim
RUN useradd --system --no-create-home --uid 10001 earwitness
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir "$(ls /wheels/*.whl)[server,media,archive]" && rm -r /wheels
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 EARWITNESS_CACHE=/tmp/cache
USER earwitness
EXPOSE 8765
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/v1/health', timeout=4)"]
# It binds to all addresses of the container, so it needs EARWITNESS_TOKEN.
ENTRYPOINT ["earwitness", "serve", "--host", "0.0.0.0"]
