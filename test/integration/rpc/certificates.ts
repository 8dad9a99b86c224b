/** An authority of the test's own, and certificates of it, made with openssl(1). */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../../lab/run.ts';

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export interface Certificate {
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
}

export class Authority {
  /** Path of a PEM file. */
  readonly ca: string;
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
    this.ca = join(dir, 'ca.pem');
  }

  static async create(dir: string): Promise<Authority> {
    mkdirSync(dir, { recursive: true });
    const authority = new Authority(dir);
    await run([
      ...['openssl', 'req', '-x509', ...NEW_KEY, '-days', '2', '-subj', '/CN=Lab CA'],
      ...['-keyout', join(dir, 'ca.key'), '-out', authority.ca],
    ]);
    writeFileSync(join(dir, 'index'), '');
    writeFileSync(join(dir, 'serial'), '01\n');
    const database = `database = ${dir}/index\nserial = ${dir}/serial\nnew_certs_dir = ${dir}\n`;
    const policy = 'unique_subject = no\ndefault_md = sha256\npolicy = any\n[any]\ncommonName = supplied\n';
    writeFileSync(join(dir, 'ca.cnf'), `[ca]\ndefault_ca = lab\n[lab]\n${database}${policy}`);
    return authority;
  }

  /** `names`: subjectAltName in openssl's notation, `DNS:localhost,IP:127.0.0.1`. `until`: `YYYYMMDDhhmmssZ`, default in two days. */
  async issue(name: string, { names, until }: { names: string; until?: string }): Promise<Certificate> {
    const file = (extension: string) => join(this.#dir, `${name}.${extension}`);
    await run([
      ...['openssl', 'req', '-new', ...NEW_KEY, '-subj', `/CN=${name}`],
      ...['-keyout', file('key'), '-out', file('csr')],
    ]);
    writeFileSync(file('ext'), `subjectAltName = ${names}\nbasicConstraints = critical,CA:FALSE\n`);
    const life = until === undefined ? ['-days', '2'] : ['-startdate', '20200101000000Z', '-enddate', until];
    await run([
      ...['openssl', 'ca', '-batch', '-notext', '-config', join(this.#dir, 'ca.cnf')],
      ...['-cert', this.ca, '-keyfile', join(this.#dir, 'ca.key'), '-in', file('csr'), '-out', file('pem')],
      ...['-extfile', file('ext'), ...life],
    ]);
    return { cert: file('pem'), key: file('key') };
  }
}
