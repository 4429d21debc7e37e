# Stands in for the public postgres:15-bookworm where no image registry answers: Debian's PostgreSQL 15 behind the few
# settings of the public image that docker/compose.yaml uses.
FROM debian:bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-15 \
    && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/15 \
    && install -d -o postgres -g postgres /var/lib/postgresql/data
ENV PATH=/usr/lib/postgresql/15/bin:$PATH \
    PGDATA=/var/lib/postgresql/data
COPY postgres.sh /usr/local/bin/start-postgres
USER postgres
STOPSIGNAL SIGINT
ENTRYPOINT ["start-postgres"]
