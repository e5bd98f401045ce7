/**
 * What a host has, as its operating system tells.
 *
 * @module
 */

/** What is asked of an operating system about its resources; one implementation for each. */
export interface HostResources {
  /** Ids of the CPUs that are online: those that a process can be confined to, which need not be consecutive. */
  cpuIds(): readonly number[];
  /** All memory, bytes. */
  memory(): number;
  /** The total size of the file system that holds a directory, bytes. */
  fileSystemSize(directory: string): bigint;
}
