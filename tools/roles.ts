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
  "albatross-tls-endpoint",
  "albatross-client",
] as const;
