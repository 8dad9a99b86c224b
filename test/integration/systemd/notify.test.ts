/** What systemd is told, with the real systemd-notify where nobody listens and with one that writes down its arguments. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SystemdNotify } from '../../../src/systemd-notify.ts';

let directory: string;
let logged: { level: number; msg: string; reason?: string }[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'l2pop-notify-'));
  logged = [];
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true, force: true });
});

function notifier(socket: string | undefined): SystemdNotify {
  const log = pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) });
  return new SystemdNotify({ socket, log });
}

/** A systemd-notify that records what it is called with; `sleep` seconds late the first time. */
function recorder(): () => string[] {
  const record = join(directory, 'record');
  const script = join(directory, 'systemd-notify');
  writeFileSync(record, '');
  writeFileSync(
    script,
    `#!/bin/sh\n[ -s '${record}' ] || sleep 0.2\nfor arg; do printf '%s|' "$arg"; done >>'${record}'\necho "$NOTIFY_SOCKET" >>'${record}'\n`,
  );
  chmodSync(script, 0o755);
  vi.stubEnv('PATH', `${directory}:${process.env.PATH}`);
  return () => readFileSync(record, 'utf8').trimEnd().split('\n');
}

test('messages go out one after the other, in order, the same status once', async () => {
  const calls = recorder();
  const notify = notifier('/run/systemd/notify');
  void notify.ready('starting\nup');
  void notify.status('2 networks');
  void notify.status('2 networks');
  await notify.stopping();
  expect(calls()).toEqual([
    '--ready|--status=starting up|/run/systemd/notify',
    '--status=2 networks|/run/systemd/notify',
    'STOPPING=1|--status=stopping|/run/systemd/notify',
  ]);
  expect(logged).toEqual([]);
});

test.each([undefined, ''])('nothing is run when systemd did not start us: %j', async (socket) => {
  const calls = recorder();
  const notify = notifier(socket);
  await notify.ready('up');
  await notify.status('x');
  expect(calls()).toEqual(['']);
});

test('a systemd that does not listen is said once and fails nothing', async () => {
  const notify = notifier(join(directory, 'nobody.sock'));
  await notify.ready('up');
  await notify.status('still up');
  expect(logged).toHaveLength(1);
  expect(logged[0]).toMatchObject({ level: 40, msg: 'systemd cannot be told how far we are' });
});

test('nor does a machine without systemd-notify', async () => {
  vi.stubEnv('PATH', directory);
  await notifier('/run/systemd/notify').ready('up');
  expect(logged[0]?.reason).toContain('systemd-notify');
});
