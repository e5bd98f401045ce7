/**
 * The exit statuses of `albatross-client`, which scripts rely on (client.md 6).
 *
 * @module
 */

/** Our certificate chain does not lead to the authority of the server. */
export const EXIT_CHAIN = 116;
/** The daemon refused the command. */
export const EXIT_REFUSED = 117;
/** A server of builds could not be asked, or its answer is not what it should be. */
export const EXIT_HTTP = 118;
/** The server refused our certificate. */
export const EXIT_CERTIFICATE_REFUSED = 119;
/** The server is not the one we want. */
export const EXIT_SERVER_UNKNOWN = 120;
/** The communication failed, or a command was only shown. */
export const EXIT_COMMUNICATION = 121;
/** The daemon could not be reached. */
export const EXIT_CONNECT = 122;
/** An error in the command line, or in whatever is checked before anything is sent. */
export const EXIT_USAGE = 124;
/** The caller gave up. */
export const EXIT_INTERRUPTED = 130;
