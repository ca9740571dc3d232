# Trunkline in containers: the targets controller and agent.
#
#   docker build --target controller -t trunkline/controller .
#   docker build --target agent      -t trunkline/agent .
#
# Without a registry, from programs that "make build" made and the base image that "make images" made:
#
#   docker build --network host --build-arg BUILD_BASE=trunkline/base --build-arg BASE=trunkline/base --build-arg PREBUILT=bin --target controller .
#
# The controller:
#
#   docker run -d --name trunkline -p 8080:8080 -v trunkline:/var/lib/trunkline trunkline/controller
#
# The agent works on the machine it runs on: on its Docker engine, its Open vSwitch and its network namespaces. It is not privileged, and
# what it needs instead is in one place, which docs/hosts.md explains:
#
#   internal/setup/agent-container.sh trunkline/agent --controller https://lab.example.org --token tlj_…

ARG BUILD_BASE=golang:1.26-bookworm
ARG BASE=debian:bookworm-slim

FROM ${BUILD_BASE} AS build
WORKDIR /src
ARG PREBUILT=
COPY go.mod go.sum ./
RUN [ -n "$PREBUILT" ] || go mod download
COPY . .
ARG VERSION=unknown
RUN set -eu; mkdir /out; \
    if [ -n "$PREBUILT" ]; then \
      cp "$PREBUILT"/trunkline "$PREBUILT"/trunkline-host "$PREBUILT"/trunkline-init /out/; \
    else \
      flags="-trimpath -buildvcs=false"; stamp="-s -w -X main.Version=$VERSION"; \
      go build $flags -ldflags "$stamp" -o /out/trunkline ./cmd/trunkline; \
      CGO_ENABLED=0 go build $flags -ldflags "$stamp" -o /out/trunkline-host ./cmd/trunkline-host; \
      CGO_ENABLED=0 go build $flags -ldflags "$stamp" -o /out/trunkline-init ./cmd/trunkline-init; \
    fi

FROM ${BASE} AS controller
RUN [ -e /etc/ssl/certs/ca-certificates.crt ] \
 || { apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*; }
RUN groupadd --gid 10001 trunkline \
 && useradd --uid 10001 --gid trunkline --home-dir /var/lib/trunkline --create-home --shell /usr/sbin/nologin trunkline
COPY --from=build /out/trunkline /usr/local/bin/
ENV TRUNKLINE_LISTEN=:8080 TRUNKLINE_DATA=/var/lib/trunkline
USER trunkline
WORKDIR /var/lib/trunkline
VOLUME /var/lib/trunkline
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/trunkline"]
CMD ["serve"]

FROM ${BASE} AS agent
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates openvswitch-switch kmod \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/trunkline-host /out/trunkline-init /usr/local/bin/
WORKDIR /var/lib/trunkline
ENTRYPOINT ["/usr/local/bin/trunkline-host"]
