/** What `./dev demo`, `./dev down` and `./dev shell` call, once everything is installed. */
import { Demo, demoSteps } from './demo.ts';
import { RunDirectory, removeOrphans } from './run-directory.ts';
import { runSession } from './session.ts';
import { openShell } from './shell.ts';
import { runSteps } from './steps.ts';

const DEMO = 'demo';
const LOOK_AROUND = `
Everything stays up. Look around, then take it away:
  ./dev shell host1                          a shell on host1, OVS tools and l2popctl pointed at its switch and agent
  ./dev shell host1 l2popctl flows           br-tun with network, VTEP and purpose beside each flow
  ./dev shell host1 vm:a1 ping 10.1.0.112    from inside a VM
  ./dev down`;

const [command = '', ...args] = process.argv.slice(2);
try {
  process.exitCode = await main(command, args);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
// Nothing is to be waited for any more, whatever is still open.
process.exit();

async function main(name: string, options: readonly string[]): Promise<number> {
  switch (name) {
    case 'demo':
      return await demo(options.includes('--keep'));
    case 'down':
      return await down();
    case 'shell':
      return await shell(options);
    default:
      throw new Error(`there is no command "${name}"`);
  }
}

async function demo(keep: boolean): Promise<number> {
  if (RunDirectory.open(DEMO)?.isUp === true)
    throw new Error('a demo is up already; ./dev shell host1 looks around in it, ./dev down takes it away');
  await removeOrphans();
  return await runSession({ name: DEMO, keep }, async (run) => {
    try {
      await runSteps(demoSteps, new Demo(run), print);
    } catch (error) {
      print(`logs: ${run.directory('log')}`);
      throw error;
    } finally {
      if (keep) print(LOOK_AROUND);
    }
  });
}

async function down(): Promise<number> {
  const kept = RunDirectory.open(DEMO);
  await kept?.remove();
  const orphans = await removeOrphans();
  const taken = [...(kept === undefined ? [] : [DEMO]), ...orphans];
  print(taken.length === 0 ? 'nothing was up' : `taken down: ${taken.join(', ')}`);
  return 0;
}

async function shell(options: readonly string[]): Promise<number> {
  const run = RunDirectory.open(DEMO);
  if (run === undefined) throw new Error('the demo is not up; ./dev demo --keep leaves it up');
  return await openShell(run, options);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
