import { expect, test } from 'vitest';
import { explainTls } from '../../../src/rpc/tls.ts';

test.each([
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'is for other names'],
  ['CERT_HAS_EXPIRED', 'has expired'],
  ['CERT_NOT_YET_VALID', 'is the clock of this host right?'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'ssl_ca_file (SELF_SIGNED_CERT_IN_CHAIN)'],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'set [oslo_messaging_rabbit] ssl_cert_file and ssl_key_file'],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'does not accept our certificate'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'is it the plain one?'],
])('%s', (code, text) => {
  const sentence = explainTls(Object.assign(new Error('x'), { code }), 'rabbit1');
  expect(sentence).toContain('broker rabbit1');
  expect(sentence).toContain(text);
});

test.each([
  new Error('x'),
  Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
  Object.assign(new Error('x'), { code: 403 }),
  'x',
])('%s is no matter of certificates', (error) => {
  expect(explainTls(error, 'rabbit1')).toBeUndefined();
});
