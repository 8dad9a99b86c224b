import { describe, expect, it } from 'vitest';
import { parseServiceUnit } from '../../../lab/unit-file.ts';

const service = (lines: string): string =>
  `[Unit]\nDescription=x\nExecStart=/not/this\n\n[Service]\nType=notify\n${lines}\n`;

describe('a service unit', () => {
  it('gives command line, environment and directories', () => {
    const unit = parseServiceUnit(
      service(
        [
          '# comment',
          'Environment=OVS_RUNDIR=/run/ovs "NAME=two words"',
          'RuntimeDirectory=l2pop-agent other',
          'ExecStart=-/usr/bin/l2pop-agent --config-file /etc/a.conf \\',
          '  --config-file "/etc/b c.ini"',
        ].join('\n'),
      ),
    );
    expect(unit).toEqual({
      execStart: ['/usr/bin/l2pop-agent', '--config-file', '/etc/a.conf', '--config-file', '/etc/b c.ini'],
      environment: { OVS_RUNDIR: '/run/ovs', NAME: 'two words' },
      runtimeDirectory: 'l2pop-agent',
    });
  });

  it.each([
    ['$OPTIONS', ['--a', '--b']],
    ['$UNSET', []],
    [`--x=\${ONE}`, ['--x=1']],
    ["'--literal %%'", ['--literal %']],
  ])('expands %s', (word, expected) => {
    const unit = parseServiceUnit(service(`Environment="OPTIONS=--a --b" ONE=1\nExecStart=/bin/x ${word}`));
    expect(unit.execStart.slice(1)).toEqual(expected);
    expect(unit.runtimeDirectory).toBeUndefined();
  });

  it.each(['', 'ExecStart=/a\nExecStart=/b'])('is refused without exactly one ExecStart: %j', (lines) => {
    expect(() => parseServiceUnit(service(lines))).toThrow('exactly one ExecStart');
  });
});
