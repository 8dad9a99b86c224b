/** Lines of real dumps (test/fixtures/flows), with a cookie where the recordings have a placeholder. */
import { readFileSync } from 'node:fs';

/** What the recorded agent had for a cookie. */
export const PREDECESSOR = '0x9a3b5c7d1e2f4a6b';

/** `all.br-tun`, `all.br-int`: every different line of all recordings. */
export function recordedLines(name: string): string[] {
  return readFileSync(new URL(`../../fixtures/flows/${name}`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ` ${line.replaceAll('COOKIE1', PREDECESSOR)}`);
}
