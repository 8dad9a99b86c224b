/**
 * The data directory of an initialised Neutron database, kept in `.dev/` for the next run. Its name has a hash of the
 * versions of the packages that made it and of the files here that did; another hash replaces it. Deleting it is safe.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../run.ts';
import { DEV_DIRECTORY } from '../run-directory.ts';

const PREFIX = 'neutron-database-';
const PACKAGES = ['mariadb-server', 'neutron-server', 'neutron-common'];

/** Copies the template to `data`, which must not exist yet; false when there is no template. */
export async function copyTemplate(data: string): Promise<boolean> {
  const template = await templatePath();
  if (!existsSync(template)) return false;
  await copy(template, data);
  return true;
}

/** Makes `data`, of a server that has been stopped in order, the template. Old ones go. */
export async function keepTemplate(data: string): Promise<void> {
  const template = await templatePath();
  const fresh = `${template}.${process.pid}`;
  await copy(data, fresh);
  try {
    // A whole template or none: another run may look for it at any time.
    renameSync(fresh, template);
  } catch {
    // Another run was faster.
    rmSync(fresh, { recursive: true, force: true });
  }
  for (const name of readdirSync(DEV_DIRECTORY)) {
    const path = join(DEV_DIRECTORY, name);
    if (name.startsWith(PREFIX) && path !== template && !/\.\d+$/.test(name)) rmSync(path, { recursive: true });
  }
}

async function copy(from: string, to: string): Promise<void> {
  await run(['cp', '-a', '--reflink=auto', '--sparse=always', from, to], { timeout: 60_000 });
}

async function templatePath(): Promise<string> {
  const versions = await run(['dpkg-query', '-W', ...PACKAGES]);
  const makers = ['database.ts', 'server.ts'].map((file) => readFileSync(join(import.meta.dirname, file), 'utf8'));
  const hash = createHash('sha256').update([versions, ...makers].join('\n'));
  return join(DEV_DIRECTORY, `${PREFIX}${hash.digest('hex').slice(0, 16)}`);
}
