import { expect, test } from 'vitest';
import { dispatchTo } from '../../../src/rpc/endpoints.ts';
import type { RpcRequest } from '../../../src/rpc/types.ts';

const dispatch = dispatchTo(
  new Map([
    [
      'q-plugin',
      [
        { version: '1.9', methods: { tunnel_sync: () => 'core' } },
        { version: '1.1', methods: { bulk_pull: () => 'resources' } },
      ],
    ],
  ]),
);

function request(method: string, version: string, namespace?: string): RpcRequest {
  return { method, version, args: {}, namespace, uniqueId: undefined, requestId: undefined, call: undefined };
}

test.each([
  ['tunnel_sync', '1.4', 'core'],
  ['bulk_pull', '1.1', 'resources'],
])('%s %s is answered', (method, version, result) => {
  expect(dispatch('q-plugin', request(method, version))).toBe(result);
});

test.each([
  [
    'q-plugin',
    'no_such_method',
    '1.0',
    undefined,
    'NoSuchMethod',
    'Endpoint does not support RPC method no_such_method',
  ],
  // The endpoint that accepts 1.4 has no such method; the one that has it accepts 1.1 at most.
  ['q-plugin', 'bulk_pull', '1.4', undefined, 'NoSuchMethod', 'Endpoint does not support RPC method bulk_pull'],
  ['q-plugin', 'toString', '1.0', undefined, 'NoSuchMethod', 'Endpoint does not support RPC method toString'],
  [
    'q-plugin',
    'tunnel_sync',
    '9.0',
    undefined,
    'UnsupportedVersion',
    'Endpoint does not support RPC version 9.0. Attempted method: tunnel_sync',
  ],
  [
    'q-plugin',
    'tunnel_sync',
    '1.0',
    'space',
    'UnsupportedVersion',
    'Endpoint does not support RPC version 1.0. Attempted method: tunnel_sync',
  ],
  [
    'other',
    'm',
    '1.0',
    undefined,
    'UnsupportedVersion',
    'Endpoint does not support RPC version 1.0. Attempted method: m',
  ],
])('%s %s %s %s: %s', (topic, method, version, namespace, className, message) => {
  expect(() => dispatch(topic, request(method, version, namespace))).toThrow(
    expect.objectContaining({ class: className, message }),
  );
});
