// A real mail server in this process, with a certificate that it signed itself, and the limits that others have.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Unfolded, by name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** As it came: headers and parts. */
  readonly source: string;
  readonly isEncrypted: boolean;
  readonly user: string | undefined;
}

export interface MailServer {
  readonly port: number;
  /** Of its certificate, as PEM. */
  readonly ca: string;
  readonly received: ReceivedMail[];
  close(): Promise<void>;
}

/** RFC 5322, section 2.1.1. */
const MAX_LINE_BYTES = 998;
/** Far below what servers take: a mail about alerts is to be read. */
const MAX_MAIL_BYTES = 500_000;

/**
 * @param options of smtp-server; default: STARTTLS, and the password `secret word`
 * @param names who the certificate is for
 */
export async function startMailServer(
  options: SMTPServerOptions = {},
  names = 'DNS:localhost,IP:127.0.0.1',
): Promise<MailServer> {
  const { key, cert } = makeCertificate(names);
  const received: ReceivedMail[] = [];
  const server = new SMTPServer({
    key,
    cert,
    authOptional: true,
    onAuth: ({ username, password }, _session, done) =>
      password === 'secret word' ? done(null, { user: username }) : done(new Error('Invalid user or password')),
    onData(stream, { envelope, secure, user }, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const source = Buffer.concat(chunks).toString();
        const problem = problemOf(Buffer.concat(chunks));
        if (problem !== undefined) return done(Object.assign(new Error(problem), { responseCode: 552 }));
        received.push({
          from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
          to: envelope.rcptTo.map(({ address }) => address),
          headers: headersOf(source),
          source,
          isEncrypted: secure,
          user: user as string | undefined,
        });
        done(null, 'kept');
      });
    },
    ...options,
  });
  server.on('error', () => {}); // clients that do not like the certificate
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    port: (server.server.address() as AddressInfo).port,
    ca: cert,
    received,
    close: () => new Promise((done) => server.close(() => done())),
  };
}

/** What is against the limits of a mail. */
function problemOf(source: Buffer): string | undefined {
  if (source.length > MAX_MAIL_BYTES) return `${source.length} bytes`;
  const longest = Math.max(
    ...source
      .toString('latin1')
      .split('\r\n', MAX_MAIL_BYTES)
      .map(({ length }) => length),
  );
  return longest > MAX_LINE_BYTES ? `a line of ${longest} bytes` : undefined;
}

function makeCertificate(altNames: string): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'keepwatch-mail-'));
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const names = ['-subj', '/CN=localhost', '-addext', `subjectAltName=${altNames}`];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync('openssl', ['req', '-x509', ...curve, '-days', '2', ...names, '-keyout', key, '-out', cert], { stdio: 'pipe' });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function headersOf(source: string): ReadonlyMap<string, string> {
  const head = source.slice(0, source.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ');
  return new Map(
    head.split('\r\n').map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
}
