// A process that uses the embedded server of the folder in argv[2]: prints what it got as a JSON line, lets go at the end of stdin.
import { openEmbeddedPostgres } from '../../src/db/embedded.ts';

const said: string[] = [];
try {
  const { url, port, isJoined, close } = await openEmbeddedPostgres({
    folder: process.argv[2] ?? '',
    say: (line) => said.push(line),
  });
  process.stdout.write(`${JSON.stringify({ url, port, isJoined, said })}\n`);
  process.stdin.resume().once('end', () => void close());
} catch (error) {
  process.stdout.write(`${JSON.stringify({ code: (error as { code?: unknown }).code, message: String(error) })}\n`);
}
