# lanpulse in a container, two ways:
#
#   docker build -t lanpulse:local .                        compile here (stage `runtime`, the default)
#   docker build -t lanpulse:local --target prebuilt .      pack the target/release/lanpulse you compiled yourself
#   docker build --target prebuilt --build-arg BINARY=path/in/the/context/lanpulse .
#
# The second needs no compiler image and seconds instead of minutes; the binary must run on Debian 12 (glibc 2.36) and
# be called lanpulse.
#
# The process is root in the container, on purpose. Opening raw sockets needs CAP_NET_RAW, and Docker gives added
# capabilities to root only. A user of its own would need a binary with file capabilities, which do not work together
# with no-new-privileges. Root with every capability but NET_RAW dropped, no-new-privileges and a read-only file system
# (compose.yaml sets all three) can do less than that. Without compose:
#
#   docker run --network host --cap-drop ALL --cap-add NET_RAW --security-opt no-new-privileges --read-only \
#     -v ./config:/etc/lanpulse:ro -v lanpulse_data:/var/lib/lanpulse lanpulse:local
#
# No BuildKit-only syntax: Debian's own Docker has the classic builder. No packages to fetch in the runtime stages: they
# build without a network as well.

FROM debian:bookworm-slim AS base
LABEL org.opencontainers.image.title="lanpulse" \
      org.opencontainers.image.description="A Prometheus-native network monitor" \
      org.opencontainers.image.source="https://github.com/lanpulse/lanpulse" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
RUN mkdir -p /etc/lanpulse /opt/lanpulse /var/lib/lanpulse && chmod 700 /var/lib/lanpulse && \
    ln -s /opt/lanpulse/lanpulse /usr/local/bin/lanpulse
COPY config/ /etc/lanpulse/
COPY LICENSE-MIT LICENSE-APACHE /opt/lanpulse/
WORKDIR /var/lib/lanpulse
VOLUME ["/var/lib/lanpulse"]
EXPOSE 10526
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["lanpulse", "healthcheck"]
ENTRYPOINT ["lanpulse"]
CMD ["--config.file=/etc/lanpulse/lanpulse.yaml", "--storage.path=/var/lib/lanpulse/lanpulse.db"]

# The classic builder runs every stage up to the one asked for. So this one stands above the compiler's, and it is
# content without the binary, which is not there when `runtime` is asked for: a pattern that matches nothing is no error
# beside a file that exists.
FROM base AS prebuilt
ARG BINARY=target/release/lanpulse
COPY LICENSE-MIT ${BINARY}* /opt/lanpulse/

FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin lanpulse

FROM base AS runtime
COPY --from=build /src/target/release/lanpulse /opt/lanpulse/lanpulse
