/** Opens a TLS stream, and says in words what is wrong with our files or with the handshake. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { TLSSocket } from 'node:tls';
import { connect } from 'node:tls';
import { OvsdbConnectionError } from './errors.ts';

/**
 * PEM files, read at every connect so that renewed certificates are found. The server's certificate must come from `caFile`
 * (without one: from an authority that Node knows) and be valid for the host in its address.
 * `certFile` and `keyFile` are what we show to a server that asks for it, and go together.
 */
export interface TlsFiles {
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
}

/** Rejects with OvsdbConnectionError, code ETLSFILE: a file that cannot be read or used. The socket is still connecting. */
export async function startTls(host: string, port: number, files: TlsFiles | undefined): Promise<TLSSocket> {
  const [ca, cert, key] = await Promise.all([
    read(files?.caFile, checkCertificate),
    read(files?.certFile, checkCertificate),
    read(files?.keyFile, createPrivateKey),
  ]);
  if ((cert === undefined) !== (key === undefined)) {
    throw fileError(`${files?.certFile ?? files?.keyFile}: a certificate and its key are needed together`);
  }
  if (cert !== undefined && key !== undefined && !cert.checked.checkPrivateKey(key.checked)) {
    throw fileError(`${files?.keyFile} is not the key of ${files?.certFile}`);
  }
  const own = cert && key && { cert: cert.pem, key: key.pem };
  try {
    return connect({ host, port, ...(ca && { ca: ca.pem }), ...own }).setNoDelay(true);
  } catch (error) {
    // OpenSSL looks closer than the checks above: a key that is too short, what comes after the first certificate of a file.
    throw fileError(
      `${files?.certFile ?? files?.caFile}: ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }
}

/** For the message about an error of a socket. With TLS 1.3 the server's refusal of our certificate comes after the socket is open. */
export function describeSocketError(error: NodeJS.ErrnoException): string {
  // Several addresses of one name that all failed come as an AggregateError without a message.
  const { code = '', message = '' } = error;
  const alert = /^ERR_SSL_.*ALERT_(?:NUMBER_)?(.+)$/.exec(code)?.[1];
  if (alert !== undefined) return `the server refuses TLS with us: ${describeAlert(alert)}`;
  if (code === 'CERT_HAS_EXPIRED') return "the server's certificate has expired";
  if (CA_CODES.has(code)) return `the server's certificate does not come from the configured CA: ${message}`;
  return message || code || 'EPROTO';
}

/** Node's codes for a certificate without a way to a trusted authority. */
const CA_CODES = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
]);

/** From OpenSSL's name of an alert (RFC 8446 §6), `CERTIFICATE_REQUIRED`. */
function describeAlert(alert: string): string {
  const name = alert.toLowerCase().replaceAll('_', ' ');
  switch (alert) {
    case 'CERTIFICATE_REQUIRED':
      return `${name} (it wants a certificate of ours)`;
    case 'UNKNOWN_CA':
      return `${name} (our certificate does not come from its CA)`;
    case 'CERTIFICATE_EXPIRED':
      return `${name} (ours)`;
    default:
      return name;
  }
}

interface Pem<T> {
  readonly pem: Buffer;
  readonly checked: T;
}

async function read<T extends X509Certificate | KeyObject>(
  file: string | undefined,
  check: (pem: Buffer) => T,
): Promise<Pem<T> | undefined> {
  if (file === undefined) return undefined;
  let pem: Buffer;
  try {
    pem = await readFile(file);
  } catch (error) {
    throw fileError(error instanceof Error ? error.message : String(error), error);
  }
  try {
    return { pem, checked: check(pem) };
  } catch (error) {
    throw fileError(`${file}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

function checkCertificate(pem: Buffer): X509Certificate {
  return new X509Certificate(pem);
}

function fileError(reason: string, cause?: unknown): OvsdbConnectionError {
  return new OvsdbConnectionError(`TLS files: ${reason}`, { code: 'ETLSFILE', outcome: 'not sent', cause });
}
