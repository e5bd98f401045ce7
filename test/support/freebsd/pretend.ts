/**
 * Loaded before a program: it then takes this machine for one with FreeBSD, whose C library is acted by
 * `stub-freebsd-system.c`.
 *
 * @module
 */
Object.defineProperty(process, "platform", { value: "freebsd" });
