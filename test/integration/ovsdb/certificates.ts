/** A certificate authority for tests, by openssl, in one directory: NAME.pem and NAME.key each. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './ovsdb-server.ts';

const CONFIG = `
[ca]
default_ca = authority
[authority]
database = index.txt
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
rand_serial = yes
default_md = sha256
default_days = 2
policy = policy
unique_subject = no
copy_extensions = copy
[policy]
commonName = supplied
`;
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export class Authority {
  readonly directory: string;

  static async create(directory: string): Promise<Authority> {
    const authority = new Authority(directory);
    await writeFile(join(directory, 'openssl.cnf'), CONFIG);
    await writeFile(join(directory, 'index.txt'), '');
    await authority.selfSigned('ca');
    return authority;
  }

  private constructor(directory: string) {
    this.directory = directory;
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  /** `names`: as openssl writes subjectAltName. `dates`: from and until, as YYYYMMDDHHMMSSZ; else for two days from now. */
  async issue(name: string, names: string | undefined, dates?: readonly [string, string]): Promise<void> {
    const extension = names === undefined ? [] : ['-addext', `subjectAltName=${names}`];
    const request = this.file(`${name}.csr`);
    await run('openssl', ['req', '-new', ...KEY, '-subj', `/CN=${name}`, ...extension, ...this.#out(name, request)]);
    const validity = dates === undefined ? [] : ['-startdate', dates[0], '-enddate', dates[1]];
    const args = ['ca', '-batch', '-notext', '-config', 'openssl.cnf', '-in', request, '-out', `${name}.pem`];
    await run('openssl', [...args, ...validity], { cwd: this.directory });
  }

  /** Of an authority of its own. */
  async selfSigned(name: string): Promise<void> {
    const out = this.#out(name, this.file(`${name}.pem`));
    await run('openssl', ['req', '-x509', '-days', '2', ...KEY, '-subj', `/CN=${name}`, ...out]);
  }

  #out(name: string, file: string): string[] {
    return ['-keyout', this.file(`${name}.key`), '-out', file];
  }
}
