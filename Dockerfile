# The signaling server, `huddle-signaling`:
#
#   docker build -t huddle-signaling .
#   docker run --rm -p 3536:3536 -v ./web:/pages:ro huddle-signaling
#
# The second command also serves the pages in `web`. Options of the server follow the name of the image. Page for hosts:
# docs/hosting.md. A whole server with TLS and TURN: docs/deployment.md.

FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /source
COPY . .
# Without a cache mount, which not every builder supports.
RUN cargo build --release --locked -p huddle_signaling

FROM alpine:3.22
COPY --from=build /source/target/release/huddle-signaling /usr/local/bin/
# Creates the folder, which must exist.
WORKDIR /pages
WORKDIR /
# Numbers, so that Kubernetes can check that the user is not root. The user does not have to exist.
USER 10001:10001
EXPOSE 3536
# `docker stop` kills the process after 10 s.
ENV HUDDLE_DRAIN=8s
# A variable, because an option that follows the name of the image can override it.
ENV HUDDLE_SERVE=/pages
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
    CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:3536/health"]
ENTRYPOINT ["huddle-signaling"]
