/**
 * The links that `npm run build` makes beside the executable: one for each role that exists.
 *
 * @module
 */
export const linkedRoles = [
  "albatrossd",
  "albatross-console",
  "albatross-stats",
  "albatross-log",
  "albatross-influx",
  "albatross-tls-endpoint",
  "albatross-client",
] as const;
