/** Why a broker's TLS handshake failed, as the sentence an operator can act on. Codes are Node's and OpenSSL's. */

const OPTIONS = '[oslo_messaging_rabbit]';

/** `undefined`: the error is no matter of certificates. `host`: as in `transport_url`. */
export function explainTls(error: unknown, host: string): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  const certificate = `the certificate of broker ${host}`;
  switch (error.code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID': {
      const names = 'reason' in error && typeof error.reason === 'string' ? ` (${error.reason})` : '';
      return `${certificate} is for other names${names}: name the broker in transport_url as its certificate does; ${OPTIONS} ssl_enforce_hostname_verification = false accepts any name`;
    }
    case 'CERT_HAS_EXPIRED':
      return `${certificate} has expired`;
    case 'CERT_NOT_YET_VALID':
      return `${certificate} is not valid yet: is the clock of this host right?`;
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'CERT_SIGNATURE_FAILURE':
      return `${certificate} is not vouched for by an authority in ${OPTIONS} ssl_ca_file (${error.code})`;
    case 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED':
    case 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE':
    case 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE':
      return `broker ${host} wants a client certificate: set ${OPTIONS} ssl_cert_file and ssl_key_file (${error.code})`;
    case 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA':
    case 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE':
    case 'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE':
      return `broker ${host} does not accept our certificate, ${OPTIONS} ssl_cert_file (${error.code})`;
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return `broker ${host} does not speak TLS at that port: is it the plain one?`;
    default:
      return undefined;
  }
}
