# Stands in for the public python:3.11-slim-bookworm where no image registry answers: Debian's own Python 3.11, and
# this machine's way to its package index (certificates, wheels on disk), which a public base does not need.
FROM debian:bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY machine/ /
