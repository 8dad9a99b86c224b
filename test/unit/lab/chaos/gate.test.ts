import { expect, it } from 'vitest';
import { Gate } from '../../../../lab/chaos/gate.ts';

it('who is alone is alone: it waits for those inside, and who comes meanwhile waits for it', async () => {
  const gate = new Gate();
  const seen: string[] = [];
  const inside = Promise.withResolvers<void>();
  const work =
    (name: string, until: Promise<void> = Promise.resolve()) =>
    async () => {
      seen.push(`${name} in`);
      await until;
      seen.push(`${name} out`);
    };
  const passing = [gate.pass(work('a', inside.promise)), gate.pass(work('b'))];
  const alone = gate.alone(work('alone'));
  const late = gate.pass(work('late'));
  await passing[1];
  inside.resolve();
  await Promise.all([...passing, alone, late]);
  expect(seen).toEqual(['a in', 'b in', 'b out', 'a out', 'alone in', 'alone out', 'late in', 'late out']);
});

it('opens again after a failure', async () => {
  const gate = new Gate();
  await expect(gate.alone(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(gate.pass(() => Promise.resolve(7))).resolves.toBe(7);
});
