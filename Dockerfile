# Two stages: the compiler stays behind. Libraries that have a static archive
# are linked in; the rest of the image is libc, yyjson, CA certificates, zones.
FROM debian:trixie-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      gcc libc6-dev cmake make \
      libuv1-dev libllhttp-dev libmbedtls-dev libhiredis-dev libsqlite3-dev \
      libyyjson-dev libyaml-dev uthash-dev libutf8proc-dev \
      python3 redis-server \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# First a build that watches itself at work, then one laid out by what it saw.
RUN cmake --preset profile -DSLUICE_STATIC=ON \
 && cmake --build --preset profile -j "$(nproc)" --target sluice sluice-mock bench_load bench_words \
 && SLUICE_BUILD=/src/build/profile python3 -B test/bench/train.py \
 && cmake --preset release -DSLUICE_STATIC=ON \
 && cmake --build --preset release -j "$(nproc)" --target sluice sluice-mock \
 && strip --strip-debug build/release/sluice build/release/sluice-mock

FROM debian:trixie-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates tzdata libyyjson0 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --home-dir /var/lib/sluice --shell /usr/sbin/nologin sluice \
 && install -d -o sluice -g sluice -m 0700 /var/lib/sluice
COPY --from=build /src/build/release/sluice /src/build/release/sluice-mock /usr/local/bin/
COPY --from=build /src/LICENSE /usr/share/doc/sluice/
# built in; here to be read, and to be copied for a list of one's own
COPY --from=build /src/conf/prices.yaml /usr/share/sluice/
USER 10001
WORKDIR /var/lib/sluice
# Clients come from outside the container; operators do not, unless
# SLUICE_ADMIN_LISTEN (and then SLUICE_ADMIN_KEY) says so.
ENV HOME=/var/lib/sluice \
    SLUICE_STATE=/var/lib/sluice \
    SLUICE_LISTEN=0.0.0.0:8080
VOLUME /var/lib/sluice
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["sluice", "health"]
ENTRYPOINT ["sluice"]
CMD ["serve"]
