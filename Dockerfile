# The signaling server, `huddle-signaling`:
#
#   docker build -t huddle-signaling .
#   docker run --rm -p 3536:3536 -v ./web:/pages:ro huddle-signaling
#
# The second command also serves the pages in `web`. Options of the server follow the name of the image. Page for hosts:
# docs/hosting.md.

FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /source
COPY . .
RUN cargo build --release --locked -p huddle_signaling

FROM alpine:3.22
RUN adduser -D -H -u 10001 huddle && mkdir /pages
COPY --from=build /source/target/release/huddle-signaling /usr/local/bin/
USER huddle
EXPOSE 3536
# `docker stop` kills the process after 10 s.
ENV HUDDLE_DRAIN=8s
# A variable, because an option that follows the name of the image can override it.
ENV HUDDLE_SERVE=/pages
VOLUME /pages
HEALTHCHECK --interval=30s --timeout=5s CMD wget -q -O /dev/null http://127.0.0.1:3536/health
ENTRYPOINT ["huddle-signaling"]
