/** Finds the method that answers a request, by oslo.messaging's rules (`RPCDispatcher.dispatch`): version first, then name. */
import { versionAccepts } from './envelope.ts';
import { type Dispatch, type Endpoint, RpcFailure } from './types.ts';

/**
 * A `Dispatch` over the endpoints of each topic. A request that no endpoint's version accepts fails with
 * `UnsupportedVersion`, one whose method no accepting endpoint has with `NoSuchMethod`.
 */
export function dispatchTo(endpoints: ReadonlyMap<string, readonly Endpoint[]>): Dispatch {
  return (topic, request) => {
    const { method, version, namespace } = request;
    const accepting = (endpoints.get(topic) ?? []).filter(
      (endpoint) => namespace === undefined && versionAccepts(endpoint.version, version),
    );
    if (accepting.length === 0) {
      throw new RpcFailure(
        'UnsupportedVersion',
        `Endpoint does not support RPC version ${version}. Attempted method: ${method}`,
      );
    }
    const owner = accepting.find((endpoint) => Object.hasOwn(endpoint.methods, method));
    const answer = owner?.methods[method];
    if (answer === undefined) {
      throw new RpcFailure('NoSuchMethod', `Endpoint does not support RPC method ${method}`);
    }
    return answer(request);
  };
}
