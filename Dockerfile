# lanpulse in a container. There are two ways to build the image:
#
#   docker build -t lanpulse:local .                        compile here (stage `runtime`, the default)
#   docker build -t lanpulse:local --target prebuilt .      use the target/release/lanpulse that you compiled yourself
#   docker build --target prebuilt --build-arg BINARY=path/in/the/context/lanpulse .
#
# The second way needs no compiler image and takes seconds instead of minutes. The binary must run on Debian 12
# (glibc 2.36) and must be named lanpulse.
#
# The process runs as root in the container, on purpose. Raw sockets need CAP_NET_RAW, and Docker gives added capabilities
# to root only. Another user would need a binary with file capabilities, which do not work with no-new-privileges. Root
# without any capability but NET_RAW, with no-new-privileges and with a read-only file system (compose.yaml sets all
# three) has fewer privileges than that. Without compose:
#
#   docker run --network host --cap-drop ALL --cap-add NET_RAW --security-opt no-new-privileges --read-only \
#     -v ./config:/etc/lanpulse:ro -v lanpulse_data:/var/lib/lanpulse lanpulse:local
#
# This file has no syntax that only BuildKit knows, because Debian's own Docker has the classic builder. The runtime stages
# install no packages, so they build without a network.

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

# The classic builder runs every stage up to the requested one. So this stage comes before the compiler's, and it must
# work without the binary, which does not exist when `runtime` is built: a pattern that matches nothing is no error next
# to a file that exists.
FROM base AS prebuilt
ARG BINARY=target/release/lanpulse
COPY LICENSE-MIT ${BINARY}* /opt/lanpulse/

FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin lanpulse

FROM base AS runtime
COPY --from=build /src/target/release/lanpulse /opt/lanpulse/lanpulse
