/**
 * The object identifiers that certificates, requests and revocation lists of Albatross are made of (pki.md 2 and 3).
 *
 * @module
 */

/** The extension that carries a command. */
export const ALBATROSS = "1.3.6.1.4.1.49836.42";

/** Our own extension, unknown to the original: carries a revocation list to the endpoint. */
export const REVOCATION = "1.3.6.1.4.1.49836.42.43";

export const COMMON_NAME = "2.5.4.3";

export const SUBJECT_KEY_IDENTIFIER = "2.5.29.14";
export const KEY_USAGE = "2.5.29.15";
export const BASIC_CONSTRAINTS = "2.5.29.19";
export const CRL_NUMBER = "2.5.29.20";
export const CRL_REASON = "2.5.29.21";
export const AUTHORITY_KEY_IDENTIFIER = "2.5.29.35";
export const EXTENDED_KEY_USAGE = "2.5.29.37";

export const CLIENT_AUTHENTICATION = "1.3.6.1.5.5.7.3.2";
export const SERVER_AUTHENTICATION = "1.3.6.1.5.5.7.3.1";
export const ANY_PURPOSE = "2.5.29.37.0";
