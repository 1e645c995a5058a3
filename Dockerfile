# Plenum in a container: `docker build -t plenum .`, then
# `docker run -p 1234:1234 -v plenum:/data -e PLENUM_SECRET plenum`. Without PLENUM_SECRET one is drawn and kept
# in the volume; none is ever part of the image.

FROM node:22-slim AS build
# better-sqlite3 is compiled where there is no prebuilt binary for this machine.
RUN apt-get update \
  && apt-get install -y --no-install-recommends g++ make python3 \
  && rm -rf /var/lib/apt/lists/*
# Only tests drive a browser.
ENV PUPPETEER_SKIP_DOWNLOAD=1
WORKDIR /app
COPY . .
# `npm ci` builds; afterwards only what runs stays.
RUN npm ci && npm prune --omit=dev --ignore-scripts

FROM node:22-slim
ENV NODE_ENV=production \
  PLENUM_HOST=0.0.0.0 \
  PLENUM_PORT=1234 \
  PLENUM_DATA=/data
WORKDIR /app
COPY --from=build /app/package.json /app/LICENSE ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist/server dist/server
COPY --from=build /app/dist/shared dist/shared
COPY --from=build /app/dist/demo dist/demo
# The folder belongs to the user who runs it; a named volume takes that over.
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 1234
# `docker stop` waits 10 s by default, which is enough for the default PLENUM_DRAIN_DEADLINE; give it more time with
# a longer one.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PLENUM_PORT}${process.env.PLENUM_BASE_PATH ?? ''}/readyz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node itself is the process that gets SIGTERM.
CMD ["node", "dist/server/main.js", "serve"]
