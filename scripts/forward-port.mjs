// Forwards a port of all addresses to one of 127.0.0.1: node scripts/forward-port.mjs 8080 3000. For docker-compose.yml alone: within its container the
// demo listens on a loopback address, where the API needs no token, and the port that leads there is published on this machine's loopback alone.
import { connect, createServer } from 'node:net';
import { pipeline } from 'node:stream';

const [from, to] = process.argv.slice(2).map(Number);
if (!(from > 0 && to > 0)) {
  process.stderr.write('usage: node scripts/forward-port.mjs <from port> <to port>\n');
  process.exit(2);
}

// A side that fails or ends takes the other with it; neither is an error of ours.
const ignore = () => {};
const server = createServer({ allowHalfOpen: true }, (socket) => {
  const target = connect({ host: '127.0.0.1', port: to, allowHalfOpen: true });
  pipeline(socket, target, ignore);
  pipeline(target, socket, ignore);
});
server.listen(from, '0.0.0.0', () => process.stdout.write(`forwarding ${server.address().port} to 127.0.0.1:${to}\n`));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(0));
