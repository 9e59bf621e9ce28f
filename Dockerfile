# Images of heald, from Debian's own packages:
#   docker build --target agent -t heald:latest .
#   docker build --target demo -t heald-demo:latest .     the demo's services and its load
# For clusters see configs/deploy/README.md and demo/kubernetes/README.md.
FROM debian:bookworm-slim AS build
WORKDIR /src
# By itself, so that the packages are installed once for many builds.
COPY demo/setup demo/setup
RUN demo/setup packages
COPY . .
RUN demo/setup build \
 && for component in agent kafka postgresql; do \
      cmake --install build/release --component $component --prefix /out/usr --strip || exit; done \
 && install -Dst /demo/usr/bin build/release/bin/heald-demo-service build/release/bin/heald-demo-chaos \
 && install -Dt /demo-agent/usr/bin build/release/bin/heald-demo-upkeep

FROM debian:bookworm-slim AS base
# ca-certificates: what heald asks may be behind TLS; tzdata: windows have time zones.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates tzdata \
    libcurl4 libpocofoundation80 libpoconet80 libprometheus-cpp-core1.0 libssl3 libstdc++6 \
 && rm -rf /var/lib/apt/lists/*
USER 65532:65532

FROM base AS demo
COPY --from=build /demo /
ENTRYPOINT ["/usr/bin/heald-demo-service"]

FROM base AS agent
USER root
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
    libdate-tz3 libpoconetssl80 libpq5 librdkafka1 libre2-9 libsimdjson14 libsnappy1v5 \
    libspdlog1.10 libsqlite3-0 libyaml-cpp0.7 zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o 65532 -g 65532 /var/lib/heald
COPY --from=build /out /
USER 65532:65532
# A pipeline that runs elsewhere is mounted to /etc/heald; its state_dir is a volume.
VOLUME /var/lib/heald
EXPOSE 8080
# HEALD_URL: where the agent is if its pipeline listens elsewhere or with TLS.
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s \
  CMD heald health --url "${HEALD_URL:-http://127.0.0.1:8080}"
ENTRYPOINT ["/usr/bin/heald"]
CMD ["run", "/etc/heald/pipeline.yaml"]

# With what demo/compose.yaml's heald looks after its payments by.
FROM agent AS demo-agent
COPY --from=build /demo-agent /
