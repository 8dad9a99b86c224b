/** Files, directories and a host that exist only in a test. */
import type { Config } from '../../../src/config/config.ts';
import type { ConfigEnvironment, LoadedConfig } from '../../../src/config/load.ts';
import { loadConfig } from '../../../src/config/load.ts';

export interface Host {
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly addresses?: readonly string[];
}

export function environment({ files = {}, env = {}, addresses }: Host): ConfigEnvironment {
  const fail = (code: string) => Object.assign(new Error(code), { code });
  return {
    hostname: 'cmp-1',
    env,
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw fail('ENOENT');
      return text;
    },
    listDirectory: (path) => {
      const directory = path.endsWith('/') ? path : `${path}/`;
      const inside = Object.keys(files).filter((file) => file.startsWith(directory));
      if (inside.length === 0) throw fail('ENOENT');
      return inside.map((file) => file.slice(directory.length)).reverse();
    },
    addresses,
  };
}

/** What every configuration needs. */
export const NEEDED = '[ovs]\nlocal_ip = 192.0.2.1\n[agent]\ntunnel_types = vxlan\n';

/** {@link NEEDED} in one file `/n`, `text` in a later one, `/f`. */
export function load(text: string, host: Host = {}): LoadedConfig {
  const files = { '/n': NEEDED, '/f': text, ...host.files };
  return loadConfig({ files: ['/n', '/f'], dirs: [] }, environment({ ...host, files }));
}

export function configOf(loaded: LoadedConfig): Config {
  if ('errors' in loaded) throw new Error(loaded.errors.map(({ message }) => message).join('\n'));
  return loaded.config;
}

export function messagesOf(loaded: LoadedConfig): string[] {
  return 'errors' in loaded ? loaded.errors.map(({ message }) => message) : [];
}

export function notesOf(loaded: LoadedConfig): string[] {
  return loaded.notes.map(({ kind, message }) => `${kind}: ${message}`);
}
