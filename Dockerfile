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
# The agent works on the machine it runs on: on its Docker engine, its Open vSwitch and its network namespaces, and needs the folders they
# share under the same names:
#
#   docker run -d --name trunkline-agent --network host --pid host --cap-add NET_ADMIN --cap-add NET_RAW --cap-add SYS_ADMIN --cap-add SYS_PTRACE \
#     --security-opt apparmor=unconfined --security-opt seccomp=unconfined -v /var/run/docker.sock:/var/run/docker.sock \
#     -v /var/run/openvswitch:/var/run/openvswitch -v /var/lib/trunkline:/var/lib/trunkline --mount type=bind,src=/run/netns,dst=/run/netns,bind-propagation=rshared \
#     trunkline/agent …

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
ENV TRUNKLINE_DATA=/var/lib/trunkline
WORKDIR /var/lib/trunkline
ENTRYPOINT ["/usr/local/bin/trunkline-host"]
