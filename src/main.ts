/** The daemon's command line: configuration, log, signals. */
import { readdirSync, readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { Command } from 'commander';
import { pino } from 'pino';
import { formatCheck } from './config/check.ts';
import { type ConfigArguments, type LoadedConfig, loadConfig } from './config/load.ts';
import { ControlError } from './control/server.ts';
import { createDaemon } from './daemon.ts';
import { JournalError } from './journal/errors.ts';
import { parseIp } from './values.ts';

/** EX_CONFIG of sysexits.h: starting again will not help, and the unit does not. */
const CONFIGURATION_ERROR = 78;

const list = (value: string, before: string[]) => [...before, value];
const program = new Command('l2pop-agent')
  .description('Overlay agent of an OpenStack compute node: l2population on Open vSwitch')
  .version(readVersion())
  .option('--config-file <path>', "a configuration file in Neutron's syntax; repeatable, a later one wins", list, [])
  .option('--config-dir <path>', 'a directory whose *.conf are read after the files; repeatable', list, [])
  .option('--check', 'print the effective configuration and exit')
  .allowExcessArguments(false)
  .addHelpText(
    'after',
    '\nExit status: 0 stopped by a signal, or checked; 1 failed; 2 wrong arguments; 78 wrong configuration.',
  )
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'l2pop-agent: ')) })
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse();
const options = program.opts<{ configFile: string[]; configDir: string[]; check?: true }>();
const args: ConfigArguments = { files: options.configFile, dirs: options.configDir };

const loaded = load(args);
if ('errors' in loaded) {
  // A misspelt option explains why another one "must be set".
  const hints = loaded.notes.filter(({ kind }) => kind === 'unknown' || kind === 'spelling');
  for (const { message } of [...loaded.errors, ...hints]) process.stderr.write(`l2pop-agent: ${message}\n`);
  process.exit(CONFIGURATION_ERROR);
}
if (options.check) process.stdout.write(formatCheck(loaded.options, loaded.notes));
else run(loaded);

function run({ config, notes }: Exclude<LoadedConfig, { errors: unknown }>): void {
  const log = pino({
    level: config.debug ? 'debug' : 'info',
    base: { host: config.host },
    timestamp: pino.stdTimeFunctions.isoTime,
  });
  for (const { kind, message } of notes) log.info({ note: kind }, message);
  const daemon = createDaemon(config, log, {
    version: readVersion(),
    boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    notifySocket: process.env.NOTIFY_SOCKET,
  });
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping; flows and tunnel ports stay');
    daemon.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, 'the stop failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('SIGHUP', () => {
    const again = load(args);
    if ('errors' in again)
      log.error({ problems: again.errors.map(({ message }) => message) }, 'SIGHUP: nothing changed');
    else {
      log.level = again.config.debug ? 'debug' : 'info';
      log.info({ logLevel: log.level }, 'SIGHUP: log level read again');
    }
  });
  log.info({ version: readVersion(), pid: process.pid, localIp: config.ovs.localIp }, 'starting');
  daemon.start().catch((error: unknown) => {
    // Another daemon has its place, or the path is wrong: the message says all there is.
    if (error instanceof ControlError || error instanceof JournalError)
      process.stderr.write(`l2pop-agent: ${error.message}\n`);
    else log.fatal({ err: error }, error instanceof Error ? error.message : 'the start failed');
    process.exit(1);
  });
}

function load(from: ConfigArguments): LoadedConfig {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return loadConfig(from, {
    hostname: hostname(),
    env: process.env,
    readFile: (path) => readFileSync(path, 'utf8'),
    listDirectory: (path) => readdirSync(path),
    addresses: addresses.map(({ address }) => parseIp(address.split('%')[0])).filter((ip) => ip !== undefined),
  });
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
