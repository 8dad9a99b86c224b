/** What the arguments of `./dev test` ask for. */
import { expect, it } from 'vitest';
import { PARTS, type Selection, select } from '../selection.ts';

const FILES = [
  'test/unit/state.test.ts',
  'test/unit/neutron/topics.test.ts',
  'test/integration/agent/outage.test.ts',
  'test/e2e/demo.test.ts',
  'test/neutron/outages.test.ts',
  'test/neutron/burst.test.ts',
];

const filter = (wanted: Partial<Selection>) => ({
  ...{ kind: 'filter', projects: ['unit', 'integration', 'e2e'], paths: [], name: '', options: [] },
  ...wanted,
});

it.each<[string, Selection]>([
  ['', { kind: 'parts', parts: PARTS.filter((part) => part !== 'neutron') }],
  ['neutron lint', { kind: 'parts', parts: ['lint', 'neutron'] }],
  ['drop-in', { kind: 'parts', parts: ['drop-in'] }],
])('parts, in their own order: "%s"', (line, wanted) => {
  expect(select(words(line), FILES)).toEqual(wanted);
});

it.each<[string, object]>([
  ['state', { paths: ['state'] }],
  ['outage', { paths: ['outage'] }],
  ['test/unit/', { paths: ['test/unit/'] }],
  ['outage state nosuch name', { paths: ['outage', 'state'], name: 'nosuch name' }],
  ['-t burst', { options: ['-t', 'burst'] }],
  ['state --bail 1', { paths: ['state'], options: ['--bail', '1'] }],
  ['unit integration state', { projects: ['unit', 'integration'], paths: ['state'] }],
  ['neutron burst -t lost', { projects: ['neutron'], paths: ['burst'], options: ['-t', 'lost'] }],
])('a filter does not bring the half hour of neutron along: "%s"', (line, wanted) => {
  expect(select(words(line), FILES)).toEqual(filter(wanted));
});

it.each<[string, object]>([
  ['neutron/burst', { paths: ['neutron/burst'] }],
  ['test/neutron/burst.test.ts', { paths: ['test/neutron/burst.test.ts'] }],
])('unless it names it: "%s"', (line, wanted) => {
  expect(select(words(line), FILES)).toEqual(
    filter({ projects: ['unit', 'integration', 'e2e', 'neutron'], ...wanted }),
  );
});

it.each([
  ['unit/neutron', { paths: ['unit/neutron'] }],
  ['neutron-server', { name: 'neutron-server' }],
])('a word with neutron in it need not mean its scenarios: "%s"', (line, wanted) => {
  expect(select(words(line), FILES)).toEqual(filter(wanted));
});

it.each([
  ['lint burst -t nosuch', 'lint takes no filter (burst -t nosuch); unit, integration, e2e and neutron do'],
  ['types state', 'types takes no filter (state); unit, integration, e2e and neutron do'],
  ['unit drop-in -t x', 'drop-in takes no filter (-t x); unit, integration, e2e and neutron do'],
  [
    'burst.test -t nosuch',
    'no test file of unit, integration and e2e has "burst.test" in its path, but of neutron: ./dev test neutron burst.test (tests with it in their name: -t burst.test)',
  ],
  [
    'unit outage',
    'no test file of unit has "outage" in its path, but of integration and neutron: ./dev test integration outage or ./dev test neutron outage (tests with it in their name: -t outage)',
  ],
  ['tests.test', 'no test file has "tests.test" in its path'],
  ['test/unit/stat.test.ts', 'no test file has "test/unit/stat.test.ts" in its path'],
])('an error, at once: "%s"', (line, sentence) => {
  expect(select(words(line), FILES)).toBe(sentence);
});

function words(line: string): string[] {
  return line.split(' ').filter((word) => word !== '');
}
