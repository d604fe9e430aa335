# The demo, as an app has it: Keepwatch's package, with Express and prom-client beside it. For docker-compose.yml; in production Keepwatch is a library
# of yours, or this package's `keepwatch serve`.
FROM node:22.20.0-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && npm pack --ignore-scripts

FROM node:22.20.0-bookworm-slim
WORKDIR /app
COPY --from=build /build/keepwatch-*.tgz ./
RUN npm install --omit=dev --ignore-scripts --no-audit --no-fund ./keepwatch-*.tgz express@5.3.0 prom-client@15.1.3 \
  && rm keepwatch-*.tgz && npm cache clean --force
COPY scripts/forward-port.mjs ./
USER node
WORKDIR /home/node
# So that a volume mounted here belongs to the user.
RUN mkdir .keepwatch
ENTRYPOINT ["node", "/app/node_modules/keepwatch/dist/src/cli/main.js"]
CMD ["demo"]
