/**
 * How a client asks for more than the protocol's info has a place for, without any change of the protocol.
 *
 * A request's sequence number is chosen by the client and only repeated by the server. An info request with
 * {@link STATUS_SEQUENCE} is an ordinary one to every peer; our albatrossd answers it with the ordinary reply and, before
 * it closes the connection, with a second one: a success string holding a JSON list of how each unikernel is doing, in
 * the order of the first. Asked for the name of a unikernel that ended by itself and is no longer listed, it tells how
 * that one ended. A peer that does not know of this closes after the first reply.
 *
 * @module
 */

/** `ALBATROS` in ASCII. */
export const STATUS_SEQUENCE = 0x414c_4241_5452_4f53n;
