/**
 * What `top` can sort by.
 *
 * @module
 */
export const SORT_KEYS = ["cpu", "memory", "network", "restarts", "uptime", "name"] as const;

export type SortKey = (typeof SORT_KEYS)[number];
