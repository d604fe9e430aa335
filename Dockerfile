# The demo, as an app has it: Keepwatch's package, with Express and prom-client beside it. For docker-compose.yml; in production Keepwatch is a library
# of yours, or this package's `keepwatch serve`.
FROM node:22.20.0-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && npm pack --ignore-scripts
# What is not needed to run goes; what stays, Express and prom-client with all that they need among it, is what the lock names.
RUN npm pkg delete devDependencies && npm prune --ignore-scripts --no-audit --no-fund \
  && mkdir node_modules/keepwatch && tar -xzf keepwatch-*.tgz --strip-components=1 -C node_modules/keepwatch

FROM node:22.20.0-bookworm-slim
WORKDIR /app
COPY --from=build /build/node_modules ./node_modules
COPY scripts/forward-port.mjs ./
USER node
WORKDIR /home/node
# So that a volume mounted here belongs to the user.
RUN mkdir .keepwatch
ENTRYPOINT ["node", "/app/node_modules/keepwatch/dist/src/cli/main.js"]
CMD ["demo"]
