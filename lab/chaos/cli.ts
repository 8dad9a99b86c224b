/** What `./dev chaos` calls, once everything is installed. */
import { randomInt } from 'node:crypto';
import { removeOrphans } from '../run-directory.ts';
import { runSession } from '../session.ts';
import { type ChaosArguments, parseArguments, UsageError } from './arguments.ts';
import { runChaos } from './run.ts';

const RUN = 'chaos';

try {
  process.exitCode = await main(parseArguments(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`dev: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
// Nothing is to be waited for any more, whatever is still open.
process.exit();

async function main({ seconds, seed = randomInt(2 ** 32) }: ChaosArguments): Promise<number> {
  await removeOrphans();
  return await runSession({ name: RUN, keep: false }, async (run) => {
    await runChaos(run, { seed, seconds, print: (line) => process.stdout.write(`${line}\n`) });
  });
}
