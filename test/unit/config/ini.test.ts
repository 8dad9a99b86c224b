import { expect, test } from 'vitest';
import { optionName, parseIni, sectionName } from '../../../src/config/ini.ts';

const values = (text: string) =>
  parseIni('f', text).entries.map(({ section, key, value }) => `${section}.${key}=${value}`);
const complaints = (text: string) => parseIni('f', text).problems.map(({ line, message }) => `${line}: ${message}`);

test.each([
  ['equals sign', '[a]\nk = v', ['a.k=v']],
  ['colon', '[a]\nk : v', ['a.k=v']],
  ['the first sign separates', '[a]\nurl = a://b\nm: x=y', ['a.url=a://b', 'a.m=x=y']],
  ['no value', '[a]\nk =', ['a.k=']],
  ['comments at the start of a line only', '[a]\n# x = 1\n;y = 2\nk = v # not a comment', ['a.k=v # not a comment']],
  ['multi-line value', '[a]\nk = v,\n  w,\n\tx', ['a.k=v,\nw,\nx']],
  ['an indented hash continues a value', '[a]\nk = v\n # w', ['a.k=v\n# w']],
  ['a value that starts on the next line', '[a]\nk =\n  v', ['a.k=\nv']],
  ['a repeated key', '[a]\nk = 1\nk = 2', ['a.k=1', 'a.k=2']],
  ['a repeated section', '[a]\nk = 1\n[b]\nk = 2\n[a]\nm = 3', ['a.k=1', 'b.k=2', 'a.m=3']],
  ['double quotes', '[a]\nk = " v "', ['a.k= v ']],
  ['single quotes', "[a]\nk = 'v'", ['a.k=v']],
  ['one pair of quotes only', '[a]\nk = ""v""', ['a.k="v"']],
  ['quotes that differ', '[a]\nk = "v\'', ['a.k="v\'']],
  ['a lone quote', '[a]\nk = "', ['a.k=']],
  ['white space around', '[a]\t \nk\t=\t v\t', ['a.k=v']],
  ['line ends of other systems', '[a]\r\nk = 1\r\nm = 2\rn = 3', ['a.k=1', 'a.m=2', 'a.n=3']],
  ['a section name is anything in brackets', '[a b]\nk = 1\n[[c]]\nk = 2', ['a b.k=1', '[c].k=2']],
  ['nothing', '', []],
])('%s', (_, text, expected) => {
  expect(values(text)).toEqual(expected);
  expect(complaints(text)).toEqual([]);
});

test.each([
  ['an option before any section', 'k = 1\n[a]\nm = 2', ['1: k: an option must come after a [section]'], ['a.m=2']],
  ['no sign', '[a]\njunk\nk = 1', ['2: junk: neither a [section], nor "option = value", nor a comment'], ['a.k=1']],
  ['no name', '[a]\n= 1\nk = 1', ['2: there is no option name before the value'], ['a.k=1']],
  ['no closing bracket', '[a\nk = 1\n[b]\nk = 2', ['1: [a: a section must end with ]'], ['b.k=2']],
  ['text behind a section', '[a] # b\nk = 1', ['1: [a] # b: a section must end with ]'], []],
  ['no section name', '[]\nk = 1', ['1: []: a section must have a name'], []],
  ['white space after a section', '[a]\n k = 1', ['2: this line starts with white space but continues no value'], []],
  [
    'a comment ends a value',
    '[a]\nk = 1\n#\n  2',
    ['4: this line starts with white space but continues no value'],
    ['a.k=1'],
  ],
  [
    'a blank line ends a value',
    '[a]\nk = 1\n\n  2',
    ['4: this line starts with white space but continues no value'],
    ['a.k=1'],
  ],
  [
    'lines below a bad line',
    '[a]\njunk\n  more\nk = 1',
    ['2: junk: neither a [section], nor "option = value", nor a comment'],
    ['a.k=1'],
  ],
  [
    'every bad line',
    'x\n[a]\ny\nz',
    [
      '1: x: neither a [section], nor "option = value", nor a comment',
      '3: y: neither a [section], nor "option = value", nor a comment',
      '4: z: neither a [section], nor "option = value", nor a comment',
    ],
    [],
  ],
])('reports %s', (_, text, expected, rest) => {
  expect(complaints(text)).toEqual(expected);
  expect(values(text)).toEqual(rest);
});

test('an entry says where its key is', () => {
  expect(parseIni('/etc/x', '\n[a]\n\nk = 1\n  2\nm = 3').entries).toEqual([
    { section: 'a', key: 'k', value: '1\n2', file: '/etc/x', line: 4 },
    { section: 'a', key: 'm', value: '3', file: '/etc/x', line: 6 },
  ]);
});

test('names are compared in one form', () => {
  expect(['OVS', 'ovs', 'Ovs'].map(sectionName)).toEqual(['ovs', 'ovs', 'ovs']);
  expect(['DEFAULT', 'default', 'Default'].map(sectionName)).toEqual(['DEFAULT', 'DEFAULT', 'DEFAULT']);
  expect(['local-ip', 'local_ip'].map(optionName)).toEqual(['local_ip', 'local_ip']);
});
